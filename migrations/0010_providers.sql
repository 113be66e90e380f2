-- Logging in at a provider.

-- At which provider a session was begun. Such a session opens the provider's tenant alone: who runs
-- a provider must not thereby reach what its people have elsewhere. It ends with the provider.
ALTER TABLE sessions ADD COLUMN provider_id uuid REFERENCES providers (id) ON DELETE CASCADE;
