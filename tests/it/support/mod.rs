//! Servers the tests start for themselves.

pub mod arm;
pub mod aws;
pub mod caller;
pub mod database;
pub mod estate;
pub mod fake_registry;
pub mod people;
pub mod post;
pub mod postgres;
pub mod provider;
pub mod receiver;
pub mod registry;
pub mod swagger;
pub mod trackers;
