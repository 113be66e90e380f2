//! Host environment: what the provider carries for functions, and what is yours for containers.

use super::{Context, control, known};

mod capabilities;
mod host_namespaces;
mod host_network;
mod host_paths;
mod privileged;
mod runs_as_root;
mod who_patches;
mod writable_space;

pub use capabilities::CAPABILITIES;
pub use host_namespaces::HOST_NAMESPACES;
pub use host_network::HOST_NETWORK;
pub use host_paths::HOST_PATHS;
pub use privileged::PRIVILEGED;
pub use runs_as_root::RUNS_AS_ROOT;
pub use who_patches::WHO_PATCHES;
pub use writable_space::WRITABLE_SPACE;
