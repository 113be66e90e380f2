//! What is done in the background: the worker and its jobs, one file a job.
//!
//! Jobs take ids and load the rest. They do nothing a second time: a job that is taken up again
//! after a crash ends as if it had run once.

mod judge_all;
mod outward;
mod read_source;
mod send_digests;
mod send_webhooks;
mod settle_exceptions;
mod side_by_side;
mod sync_trackers;
mod worker;

pub use outward::Outward;
pub use send_digests::{Post, leaving_link, send_due};
pub use send_webhooks::Courier;
pub use sync_trackers::Liaison;
pub use worker::{Clock, Worker};
