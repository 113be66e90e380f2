//! Parallax: one estate from two standpoints, serverless functions and containers.
//!
//! The way of the data: `collect` reads a source and normalises what it finds into
//! [`model::Asset`]s; `pipeline` brings them to `store` and has [`rules`] and [`score`] read what
//! changed; `web` and `api` show it. Layers, from the bottom (`tests/layers.rs` holds them):
//!
//! | layer | modules |
//! | --- | --- |
//! | 0 | `model`, `error`, `config`, `telemetry` |
//! | 1 | `rules`, `analysis`, `score`, `queue`, `outgoing` |
//! | 2 | `store`, `collect`, `mail`, `notify` |
//! | 3 | `auth`, `pipeline` |
//! | 4 | `jobs`, `desk` |
//! | 5 | `web`, `api` |
//! | 6 | `demo`, `bench`, `app`, `cli`, `main` |

pub mod analysis;
pub mod api;
pub mod app;
pub mod auth;
pub mod bench;
pub mod cli;
pub mod collect;
pub mod config;
pub mod demo;
pub mod desk;
pub mod error;
pub mod jobs;
pub mod mail;
pub mod model;
pub mod notify;
pub mod outgoing;
pub mod pipeline;
pub mod queue;
pub mod rules;
pub mod score;
pub mod store;
pub mod telemetry;
pub mod web;
