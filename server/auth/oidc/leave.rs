//! Logging out at the provider as well (OpenID Connect RP-Initiated Logout).

use openidconnect::{ClientId, LogoutRequest, PostLogoutRedirectUrl};
use url::Url;
use uuid::Uuid;

use super::Porter;
use crate::auth::AuthError;
use crate::store::people::{providers, sessions};

/// What a token kept for logging out is bound to in the vault.
pub fn bound(provider: Uuid) -> String {
    format!("id-token:{provider}")
}

/// Where to send the browser so that it is logged out at the provider this session was begun at, too;
/// none where it was begun at none, or the provider has no such place or is away.
pub async fn end(porter: Porter<'_>, session: Uuid, back_to: &Url) -> Result<Option<Url>, AuthError> {
    let mut gate = porter.store.gate().await?;
    let Some((provider, sealed)) = sessions::at_provider(&mut gate, session).await? else { return Ok(None) };
    let Some(provider) = providers::for_login(&mut gate, provider).await? else { return Ok(None) };
    drop(gate);
    // Whoever wants out gets out here, whatever the provider does.
    let Ok(metadata) = porter.envoy.known(&provider.name, &provider.issuer, porter.now).await else {
        return Ok(None);
    };
    let Some(place) = metadata.additional_metadata().end_session_endpoint.clone() else { return Ok(None) };
    let mut url = LogoutRequest::from(place)
        .set_client_id(ClientId::new(provider.client_id.clone()))
        .set_post_logout_redirect_uri(PostLogoutRedirectUrl::from_url(back_to.clone()))
        .http_get_url();
    if let Some(sealed) = sealed {
        let token = porter.vault.open(&sealed, &bound(provider.id))?;
        url.query_pairs_mut().append_pair("id_token_hint", &String::from_utf8_lossy(&token));
    }
    Ok(Some(url))
}
