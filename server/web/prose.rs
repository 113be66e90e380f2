//! The little Markdown that controls are written in, as HTML: paragraphs, lists, code, bold, links.
//!
//! The text is our own, yet everything is escaped first.

/// Text for HTML.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Markdown as HTML.
pub fn html(text: &str) -> String {
    let mut out = String::new();
    let mut lines = Vec::new();
    for line in text.lines().map(str::trim).chain([""]) {
        let starts_item = line.starts_with("- ");
        if (line.is_empty() || starts_item) && !lines.is_empty() && !(starts_item && is_list(&lines)) {
            out.push_str(&block(&lines));
            lines.clear();
        }
        if !line.is_empty() {
            lines.push(line);
        }
    }
    out
}

fn is_list(lines: &[&str]) -> bool {
    lines.first().is_some_and(|line| line.starts_with("- "))
}

fn block(lines: &[&str]) -> String {
    let text = lines.join("\n");
    if is_list(lines) {
        let items: Vec<String> = text[2..]
            .split("\n- ")
            .map(|item| format!("<li>{}</li>", inline(&item.replace('\n', " "))))
            .collect();
        format!("<ul>{}</ul>", items.concat())
    } else {
        format!("<p>{}</p>", inline(&text.replace('\n', " ")))
    }
}

/// Code first, since nothing inside it means anything else.
pub fn inline(text: &str) -> String {
    let mut out = String::new();
    for (place, part) in text.split('`').enumerate() {
        if place % 2 == 1 {
            out.push_str("<code>");
            out.push_str(&escape(part));
            out.push_str("</code>");
        } else {
            out.push_str(&links(part));
        }
    }
    out
}

fn bold(text: &str) -> String {
    let parts = escape(text);
    let parts: Vec<&str> = parts.split("**").collect();
    if parts.len().is_multiple_of(2) {
        return parts.concat();
    }
    parts
        .iter()
        .enumerate()
        .map(
            |(place, part)| {
                if place % 2 == 1 { format!("<strong>{part}</strong>") } else { (*part).to_owned() }
            },
        )
        .collect()
}

fn links(text: &str) -> String {
    let Some((before, rest)) = text.split_once('[') else { return bold(text) };
    let parts = rest.split_once("](").and_then(|(label, rest)| {
        let (target, after) = rest.split_once(')')?;
        Some((label, target, after))
    });
    match parts {
        Some((label, target, after)) if target.starts_with("https://") => {
            format!("{}<a href=\"{}\">{}</a>{}", bold(before), escape(target), bold(label), links(after))
        }
        _ => bold(text),
    }
}

#[cfg(test)]
mod tests {
    use super::html;

    #[test]
    fn the_little_we_write_is_rendered() {
        assert_eq!(html("One\ntwo.\n\nThree."), "<p>One two.</p><p>Three.</p>");
        assert_eq!(
            html("Do:\n- a\n  more\n- `b`"),
            "<p>Do:</p><ul><li>a more</li><li><code>b</code></li></ul>"
        );
        assert_eq!(
            html("**x** [y](https://z/?a&b)"),
            "<p><strong>x</strong> <a href=\"https://z/?a&amp;b\">y</a></p>"
        );
    }

    #[test]
    fn nothing_of_the_text_becomes_markup() {
        assert_eq!(
            html("<b> & `<i>` [x](javascript:y)"),
            "<p>&lt;b&gt; &amp; <code>&lt;i&gt;</code> [x](javascript:y)</p>"
        );
    }
}
