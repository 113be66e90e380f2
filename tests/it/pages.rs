//! What the pages say, word for word, over a small estate: a change of words or of numbers is seen in
//! the diff of a snapshot before anybody else sees it.

use regex::Regex;

use super::web::Site;

/// The words of a page's main part, a line a block; ids and moments by what they are.
fn words(page: &str) -> String {
    let main = page.split("<main").nth(1).and_then(|rest| rest.split("</main>").next()).expect("a main part");
    let main = main.split_once('>').expect("its beginning").1;
    let mut text = main.to_owned();
    for (what, becomes) in [
        (r"(?s)<svg.*?</svg>", ""),
        (r"(?s)<(template|script).*?</(template|script)>", ""),
        (r"</(tr|p|h[1-6]|li|dt|dd|summary|option|label|caption|button|pre)>", "\n"),
        (r"</t[dh]>", " | "),
        (r"<[^>]*>", " "),
        (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "[id]"),
        (r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2})?( ?UTC|Z)?)?", "[moment]"),
        (r"just now|(\d+|a|an) (second|minute|hour|day)s? ago|\d+ m?s\b", "[when]"),
        (r"next in [^·\n]*", "next in [a while] "),
        (r"[ \t]+", " "),
        (r"( ?\n ?)+", "\n"),
    ] {
        text = Regex::new(what).expect("an expression").replace_all(&text, becomes).into_owned();
    }
    for (entity, letter) in
        [("&#60;", "<"), ("&#62;", ">"), ("&#34;", "\""), ("&#39;", "'"), ("&#38;", "&"), ("&amp;", "&")]
    {
        text = text.replace(entity, letter);
    }
    text.trim().to_owned()
}

#[tokio::test]
async fn the_pages_say_what_they_said() {
    let (site, connection) = Site::planted().await;
    let inventory = site.page("/inventory").await;
    let findings = site.page("/findings?control=ACC-02").await;
    let table = findings.split("<tbody>").nth(1).expect("a table");
    let connection = format!("/connections/{connection}");
    for (name, path) in [
        ("overview", "/"),
        ("compare", "/compare?open=ACC,HST"),
        ("inventory", "/inventory"),
        ("asset", &Site::link(&inventory, "payments")),
        ("findings", "/findings?severity=critical"),
        ("finding", &Site::link(table, "<code>ACC-02</code>")),
        ("control", "/controls/ACC-02"),
        ("connection", &connection),
    ] {
        insta::assert_snapshot!(name, words(&site.page(path).await));
    }
    site.scratch.end().await;
}
