//! Frameworks and placement: what an asset runs on, and where.

use super::{Context, control, known, listed};

mod one_architecture;
mod split;
mod untraceable_image;
mod wrong_region;

pub use one_architecture::ONE_ARCHITECTURE;
pub use split::SPLIT;
pub use untraceable_image::UNTRACEABLE_IMAGE;
pub use wrong_region::WRONG_REGION;

/// Whether the tenant allows `region`, however it is spelled: `West Europe` is `westeurope`.
fn allowed(region: &str, context: &Context<'_>) -> bool {
    let plain = |text: &str| text.replace(' ', "").to_ascii_lowercase();
    let region = plain(region);
    context.settings.allowed_regions.iter().any(|one| plain(one) == region)
}
