//! Finds the pages of the dashboard by following its own links: one page of each shape.

use std::collections::{BTreeMap, VecDeque};

/// Shapes followed at most.
const MOST: usize = 60;

/// A page of each shape that can be reached from `/`: shape and path.
pub async fn pages(client: &reqwest::Client, base: &str) -> reqwest::Result<BTreeMap<String, String>> {
    let mut found = BTreeMap::from([("/".to_string(), "/".to_string())]);
    let mut waiting = VecDeque::from(["/".to_string()]);
    while let Some(path) = waiting.pop_front() {
        let answer = client.get(format!("{base}{path}")).send().await?.error_for_status()?;
        let html = answer
            .headers()
            .get("content-type")
            .is_some_and(|kind| kind.to_str().is_ok_and(|kind| kind.starts_with("text/html")));
        if !html {
            found.remove(&shape(&path));
            continue;
        }
        for link in links(&answer.text().await?) {
            let shape = shape(&link);
            if found.len() < MOST && !found.contains_key(&shape) {
                found.insert(shape, link.clone());
                waiting.push_back(link);
            }
        }
    }
    Ok(found)
}

/// Paths on this server that a page links to.
fn links(html: &str) -> Vec<String> {
    html.split("href=\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .map(|link| link.split('#').next().unwrap_or_default().replace("&amp;", "&").replace("&#38;", "&"))
        .filter(|link| link.starts_with('/') && !link.starts_with("//") && !link.starts_with("/static"))
        .collect()
}

/// A path without what differs from one thing to the next: ids, codes, the values of its query.
fn shape(link: &str) -> String {
    let (path, query) = link.split_once('?').unwrap_or((link, ""));
    let parts: Vec<&str> = path
        .split('/')
        .map(|part| if part.bytes().any(|b| b.is_ascii_digit()) { "…" } else { part })
        .collect();
    let mut keys: Vec<&str> =
        query.split('&').filter_map(|pair| pair.split('=').next()).filter(|key| !key.is_empty()).collect();
    keys.sort_unstable();
    keys.dedup();
    let path = parts.join("/");
    if keys.is_empty() { path } else { format!("{path}?{}", keys.join("&")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_of_this_server_are_found_and_told_apart_by_shape() {
        let html = r#"<a href="/assets/0192f0c1-0000?tab=facts#x">a</a><a href="https://x.example/">b</a>
            <link href="/static/app.css"><a href="//elsewhere/">c</a><a href="/inventory?kind=image&amp;after=1">d</a>"#;
        let found = links(html);
        assert_eq!(found, ["/assets/0192f0c1-0000?tab=facts", "/inventory?kind=image&after=1"]);
        assert_eq!(shape(&found[0]), "/assets/…?tab");
        assert_eq!(shape("/inventory?kind=function&after=2"), shape(&found[1]));
        assert_eq!(shape("/controls/ACC-02"), "/controls/…");
    }
}
