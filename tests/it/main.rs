//! The integration tests: one binary, one file an area.

#![expect(clippy::expect_used, reason = "what a test cannot do without ends it")]

mod api;
mod aws;
mod azure;
mod azure_contract;
mod azure_unread;
mod backup;
mod bench;
mod changes;
mod client;
mod connect;
mod connections;
mod demo;
mod digests;
mod entrance;
mod exceptions;
mod exports;
mod isolation;
mod migrations;
mod oidc;
mod pages;
mod people;
mod private_postgres;
mod recall;
mod registry;
mod registry_hostile;
mod scan;
mod schemathesis;
mod service;
mod store;
mod support;
mod tickets;
mod trackers;
mod walls;
mod web;
mod webhooks;
