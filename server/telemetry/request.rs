//! The id of the request under way: in its answer, in each line logged for it, and on the page
//! that says what went wrong.

use std::future::Future;

use uuid::Uuid;

tokio::task_local! {
    static UNDER_WAY: String;
}

/// Ids others give are at most this long.
const LONGEST: usize = 64;

/// The id a request goes by: `named`, where a proxy of ours gave a plain one, or else a new one.
pub fn id_for(named: Option<&str>) -> String {
    let plain = |id: &&str| {
        !id.is_empty()
            && id.len() <= LONGEST
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    };
    named.filter(plain).map_or_else(fresh, str::to_owned)
}

fn fresh() -> String {
    Uuid::new_v4().simple().to_string()
}

/// Does `work` as the request `id`.
pub async fn within<T>(id: String, work: impl Future<Output = T>) -> T {
    UNDER_WAY.scope(id, work).await
}

/// The id of the request under way; a new one where none is, for a fault to be found by.
pub fn id() -> String {
    UNDER_WAY.try_with(Clone::clone).unwrap_or_else(|_| fresh())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_request_has_one_id_all_the_way() {
        let (outer, inner) = within("a-1".into(), async {
            (id(), tokio::time::timeout(std::time::Duration::MAX, async { id() }).await)
        })
        .await;
        assert_eq!((outer.as_str(), inner.as_deref()), ("a-1", Ok("a-1")));
        assert_ne!(id(), id(), "outside of a request each fault has its own");
    }

    #[test]
    fn only_a_plain_id_is_taken_over() {
        assert_eq!(id_for(Some("0a1b-2_c.3")), "0a1b-2_c.3");
        let long = "a".repeat(LONGEST + 1);
        for strange in ["", "a b", "a\nb", "\"}{", "ä", long.as_str()] {
            assert_eq!(id_for(Some(strange)).len(), 32, "{strange}");
        }
        assert_ne!(id_for(None), id_for(None));
    }
}
