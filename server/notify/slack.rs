//! Messages for a channel of Slack, as Block Kit: a headline, at most five things, one button.

use serde_json::{Value, json};

use super::words::{self, Line};
use crate::model::{Message, Severity};

/// A section's text is at most so long.
const MOST_TEXT: usize = 3_000;
/// A header's text is at most so long.
const MOST_HEADER: usize = 150;

/// The message; `text` is what notifications and screen readers show.
pub fn body(message: &Message, base: &str) -> Value {
    let (headline, severities) = (words::headline(message), words::severities(message));
    let lines = words::lines(message);
    let mut blocks = vec![json!({
        "type": "header",
        "text": { "type": "plain_text", "text": words::short(&headline, MOST_HEADER), "emoji": false },
    })];
    if message.count > 1 && !severities.is_empty() {
        blocks.push(context(&severities));
    }
    for line in &lines {
        blocks.push(section(line, base));
    }
    let left = message.count - i64::try_from(lines.len()).unwrap_or(0);
    if left > 0 && !lines.is_empty() {
        blocks.push(context(&format!("and {} more", words::number(left))));
    }
    let (path, word) = words::all_of_it(message);
    blocks.push(json!({
        "type": "actions",
        "elements": [{
            "type": "button",
            "text": { "type": "plain_text", "text": word, "emoji": false },
            "url": format!("{base}{path}"),
            "action_id": "open",
        }],
    }));
    let first = lines.first().map(|line| format!(": {}", line.name)).unwrap_or_default();
    json!({ "text": escaped(&words::short(&format!("{headline}{first}"), MOST_TEXT)), "blocks": blocks })
}

fn section(line: &Line, base: &str) -> Value {
    let mark = line.severity.map_or("", mark);
    let severity = line.severity.map(|one| format!("*{}*  ", one.label())).unwrap_or_default();
    // What stands in a link may hold neither its end nor its bar.
    let name = escaped(&words::short(&line.name, 200)).replace('|', "/");
    let about = escaped(&words::short(&line.about, 1_000));
    let text = format!("{mark}{severity}<{base}{}|{name}>\n{about}", line.path);
    json!({ "type": "section", "text": { "type": "mrkdwn", "text": text, "verbatim": true } })
}

fn context(text: &str) -> Value {
    json!({ "type": "context", "elements": [{ "type": "mrkdwn", "text": text, "verbatim": true }] })
}

/// The colour of a severity, as far as a chat has one.
const fn mark(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => ":red_circle: ",
        Severity::High => ":large_orange_circle: ",
        Severity::Medium => ":large_yellow_circle: ",
        Severity::Low | Severity::Info => ":white_circle: ",
    }
}

/// Slack reads `&`, `<` and `>` as its own; names that look like marks are broken by an unseen letter.
fn escaped(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut out, letter| {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '*' | '_' | '~' | '`' => out.extend([letter, '\u{200b}']),
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
    fn a_message_is_within_what_slack_takes() {
        for message in samples::all() {
            let body = body(&message, "https://p.example");
            assert!(body["text"].as_str().is_some_and(|text| !text.is_empty()));
            let blocks = body["blocks"].as_array().expect("blocks");
            assert!((2..=50).contains(&blocks.len()), "{body:#}");
            for block in blocks {
                let most = if block["type"] == "header" { MOST_HEADER } else { MOST_TEXT };
                let text = block["text"]["text"].as_str().unwrap_or("x");
                assert!((1..=most).contains(&text.chars().count()), "{block:#}");
            }
        }
    }

    #[test]
    fn many_findings_are_few_lines() {
        let body = body(&samples::findings(1_204), "https://p.example");
        let text = body.to_string();
        assert_eq!(body["blocks"][0]["text"]["text"], "1,204 findings opened");
        assert!(text.contains("1 critical, 1,203 high") && text.contains("and 1,199 more"), "{text}");
        assert!(text.contains("<https://p.example/findings/") && text.len() < 4_000, "{}", text.len());
    }

    #[test]
    fn nothing_from_outside_is_read_as_a_mark() {
        let text = body(&samples::findings(1), "https://p.example").to_string();
        assert!(text.contains("role &lt;ops&gt; may do everything &amp; more"), "{text}");
        assert!(!text.contains("pay-*0*"), "{text}");
        assert_eq!(escaped("<!channel> @here\n*b*"), "&lt;!channel&gt; @here *\u{200b}b*\u{200b}");
    }
}
