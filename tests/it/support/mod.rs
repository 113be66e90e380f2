//! Servers the tests start for themselves.

pub mod aws;
pub mod estate;
pub mod account;
pub mod fake_registry;
pub mod moto;
pub mod registry;
