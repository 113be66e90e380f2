//! API security: both worlds live behind APIs, and both must ask callers who they are.

use super::{Context, control, known, listed};

mod any_origin;
mod key_only;
mod no_client_certificate;
mod old_tls;
mod open_endpoint;
mod plain_http;
mod remote_debugging;

pub use any_origin::ANY_ORIGIN;
pub use key_only::KEY_ONLY;
pub use no_client_certificate::NO_CLIENT_CERTIFICATE;
pub use old_tls::OLD_TLS;
pub use open_endpoint::OPEN_ENDPOINT;
pub use plain_http::PLAIN_HTTP;
pub use remote_debugging::REMOTE_DEBUGGING;
