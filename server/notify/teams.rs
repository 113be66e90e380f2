//! Messages for a channel of Teams: an Adaptive Card in the envelope that a workflow ("when a Teams
//! webhook request is received") posts.

use serde_json::{Value, json};

use super::words::{self, Line};
use crate::model::{Message, Severity};

/// The envelope with the card.
pub fn body(message: &Message, base: &str) -> Value {
    let lines = words::lines(message);
    let mut card = vec![text(&words::headline(message), "Large", "Bolder", "Default")];
    let severities = words::severities(message);
    if message.count > 1 && !severities.is_empty() {
        card.push(subtle(&severities));
    }
    card.extend(lines.iter().map(|line| container(line, base)));
    let left = message.count - i64::try_from(lines.len()).unwrap_or(0);
    if left > 0 && !lines.is_empty() {
        card.push(subtle(&format!("and {} more", words::number(left))));
    }
    let (path, word) = words::all_of_it(message);
    json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "contentUrl": null,
            "content": {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "type": "AdaptiveCard",
                "version": "1.4",
                "msteams": { "width": "Full" },
                "body": card,
                "actions": [{ "type": "Action.OpenUrl", "title": word, "url": format!("{base}{path}") }],
            },
        }],
    })
}

fn text(words: &str, size: &str, weight: &str, color: &str) -> Value {
    json!({ "type": "TextBlock", "text": words, "wrap": true, "size": size, "weight": weight, "color": color })
}

fn subtle(words: &str) -> Value {
    json!({ "type": "TextBlock", "text": words, "wrap": true, "isSubtle": true, "spacing": "None" })
}

fn container(line: &Line, base: &str) -> Value {
    let mut items = Vec::new();
    if let Some(severity) = line.severity {
        items.push(text(severity.label(), "Small", "Bolder", colour(severity)));
    }
    let name = escaped(&words::short(&line.name, 200));
    let mut title = text(&format!("[{name}]({base}{})", line.path), "Default", "Bolder", "Default");
    title["spacing"] = "None".into();
    items.push(title);
    items.push(subtle(&escaped(&words::short(&line.about, 1_000))));
    json!({ "type": "Container", "separator": true, "spacing": "Medium", "items": items })
}

const fn colour(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "Attention",
        Severity::High | Severity::Medium => "Warning",
        Severity::Low | Severity::Info => "Default",
    }
}

/// A TextBlock reads a little Markdown: what could be a mark is written as itself.
fn escaped(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut out, letter| {
        match letter {
            '\\' | '*' | '_' | '[' | ']' | '(' | ')' | '`' | '#' | '~' => out.extend(['\\', letter]),
            '<' => out.push_str("&lt;"),
            '\n' | '\r' => out.push(' '),
            plain => out.push(plain),
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    #[test]
    fn a_card_is_whole_and_short() {
        for message in samples::all() {
            let body = body(&message, "https://p.example");
            let attachment = &body["attachments"][0];
            assert_eq!(attachment["contentType"], "application/vnd.microsoft.card.adaptive");
            let card = &attachment["content"];
            assert_eq!((&card["type"], &card["version"]), (&json!("AdaptiveCard"), &json!("1.4")));
            assert!(
                card["actions"][0]["url"].as_str().is_some_and(|url| url.starts_with("https://p.example/"))
            );
            assert!(card["body"].as_array().is_some_and(|body| (1..=8).contains(&body.len())), "{card:#}");
            // Teams refuses a message of more than 28 KB.
            assert!(body.to_string().len() < 20_000);
        }
    }

    #[test]
    fn nothing_from_outside_is_read_as_a_mark() {
        let text = body(&samples::findings(1), "https://p.example").to_string();
        assert!(text.contains(r"pay-\\*0\\*") && text.contains("role &lt;ops>"), "{text}");
        assert_eq!(escaped("[x](http://evil)"), r"\[x\]\(http://evil\)");
    }
}
