//! Text as an Atlassian document and back: paragraphs, lists of `- `, and links.

use serde_json::{Value, json};

/// How deep a document is read.
const DEEPEST: usize = 30;

/// Text as a document.
pub fn document(text: &str) -> Value {
    let mut content: Vec<Value> = Vec::new();
    let mut items: Vec<Value> = Vec::new();
    for line in text.lines().map(str::trim_end).filter(|line| !line.trim().is_empty()) {
        if let Some(item) = line.strip_prefix("- ") {
            items.push(json!({ "type": "listItem", "content": [paragraph(item)] }));
            continue;
        }
        close(&mut items, &mut content);
        content.push(paragraph(line));
    }
    close(&mut items, &mut content);
    if content.is_empty() {
        content.push(json!({ "type": "paragraph", "content": [] }));
    }
    json!({ "type": "doc", "version": 1, "content": content })
}

fn close(items: &mut Vec<Value>, content: &mut Vec<Value>) {
    if !items.is_empty() {
        content.push(json!({ "type": "bulletList", "content": std::mem::take(items) }));
    }
}

/// A line with its bare links made links.
fn paragraph(line: &str) -> Value {
    let mut parts: Vec<Value> = Vec::new();
    let mut plain = String::new();
    for (place, word) in line.split(' ').enumerate() {
        if place > 0 {
            plain.push(' ');
        }
        if word.starts_with("https://") || word.starts_with("http://") {
            if !plain.is_empty() {
                parts.push(json!({ "type": "text", "text": std::mem::take(&mut plain) }));
            }
            let mark = json!({ "type": "link", "attrs": { "href": word } });
            parts.push(json!({ "type": "text", "text": word, "marks": [mark] }));
        } else {
            plain.push_str(word);
        }
    }
    if !plain.is_empty() {
        parts.push(json!({ "type": "text", "text": plain }));
    }
    json!({ "type": "paragraph", "content": parts })
}

/// A document as text: a line a block.
pub fn text(document: &Value) -> String {
    let mut out = String::new();
    read(document, &mut out, 0);
    out.lines().map(str::trim_end).collect::<Vec<_>>().join("\n").trim().to_owned()
}

fn read(node: &Value, out: &mut String, depth: usize) {
    if depth > DEEPEST {
        return;
    }
    match node["type"].as_str().unwrap_or_default() {
        "text" => out.push_str(node["text"].as_str().unwrap_or_default()),
        "hardBreak" => out.push('\n'),
        "mention" | "emoji" | "status" => {
            let shown = node["attrs"]["text"].as_str().or_else(|| node["attrs"]["shortName"].as_str());
            out.push_str(shown.unwrap_or_default());
        }
        "inlineCard" | "blockCard" => out.push_str(node["attrs"]["url"].as_str().unwrap_or_default()),
        "listItem" => out.push_str("- "),
        _ => {}
    }
    for inner in node["content"].as_array().into_iter().flatten() {
        read(inner, out, depth + 1);
    }
    let block = ["paragraph", "heading", "codeBlock", "blockquote", "rule"];
    if node["type"].as_str().is_some_and(|kind| block.contains(&kind)) && !out.ends_with('\n') {
        out.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn text_comes_back_as_it_went() {
        let written = "Two functions fail.\n- pay-1 at https://p.example/findings/1\n- pay-2\nDue soon.";
        let document = document(written);
        assert_eq!(document["content"][1]["type"], "bulletList");
        let link = &document["content"][1]["content"][0]["content"][0]["content"][1]["marks"][0];
        assert_eq!(link["attrs"]["href"], "https://p.example/findings/1");
        assert_eq!(text(&document), written);
    }

    #[test]
    fn what_people_write_is_read() {
        let said = json!({ "type": "doc", "version": 1, "content": [
            { "type": "paragraph", "content": [
                { "type": "mention", "attrs": { "text": "@Ann" } }, { "type": "text", "text": " see" },
                { "type": "hardBreak" }, { "type": "text", "text": "below", "marks": [{ "type": "strong" }] }] },
            { "type": "codeBlock", "content": [{ "type": "text", "text": "x = 1" }] },
            { "type": "mediaSingle", "content": [{ "type": "media", "attrs": {} }] }] });
        assert_eq!(text(&said), "@Ann see\nbelow\nx = 1");
    }

    proptest! {
        #[test]
        fn no_text_node_is_empty(written in "[ -~\n]{0,200}") {
            // Jira refuses a document with an empty text node.
            prop_assert!(!document(&written).to_string().contains(r#""text":"""#));
        }

        #[test]
        fn no_document_breaks_the_reader(text_of in ".*", depth in 0_usize..60) {
            let nested = (0..depth).fold(json!({ "type": "text", "text": text_of }), |inner, _| {
                json!({ "type": "paragraph", "content": [inner] })
            });
            let _ = text(&nested);
        }
    }
}
