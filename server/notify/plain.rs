//! Messages for programs: what happened, when, and to what, with the address of each page.

use serde_json::{Value, json};

use super::words;
use crate::model::{Message, Severity, Told};

/// The body: `type`, `timestamp`, `data`, as Standard Webhooks suggests.
pub fn body(message: &Message, base: &str) -> Value {
    let mut data = json!({ "tenant": message.tenant, "count": message.count });
    match &message.told {
        Told::Findings(all) => {
            let by_severity: serde_json::Map<String, Value> = Severity::ALL
                .iter()
                .zip(message.by_severity)
                .map(|(severity, count)| (severity.code().to_owned(), count.into()))
                .collect();
            data["by_severity"] = Value::Object(by_severity);
            data["findings"] = each(all, |one| (format!("{base}/findings/{}", one.id), &one.control));
        }
        Told::Tickets(all) => {
            data["tickets"] = each(all, |one| (format!("{base}/tickets/{}", one.id), &one.control));
        }
        Told::Runs(all) => {
            data["runs"] = all
                .iter()
                .map(|one| {
                    let mut told = json!(one);
                    told["page"] = format!("{base}/runs/{}", one.id).into();
                    told
                })
                .collect();
        }
        Told::Nothing => {}
    }
    json!({ "type": message.event, "timestamp": message.at, "data": data })
}

/// Each thing with its page and the defect in words.
fn each<T: serde::Serialize>(all: &[T], of: impl Fn(&T) -> (String, &String)) -> Value {
    all.iter()
        .map(|one| {
            let (page, control) = of(one);
            let mut told = json!(one);
            told["title"] = words::title(control).into();
            told["page"] = page.into();
            told
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    #[test]
    fn a_message_says_what_when_and_to_what() {
        let body = body(&samples::findings(1_204), "https://p.example");
        assert_eq!(
            (&body["type"], &body["timestamp"]),
            (&json!("finding.opened"), &json!("1970-01-01T00:00:00Z"))
        );
        let data = &body["data"];
        assert_eq!((&data["count"], &data["by_severity"]["high"]), (&json!(1_204), &json!(1_203)));
        let first = &data["findings"][0];
        assert_eq!(
            first["page"],
            format!("https://p.example/findings/{}", first["id"].as_str().expect("an id"))
        );
        assert_eq!(first["title"], "The identity can administer its account");
        assert_eq!(first["asset"]["kind"], "function");
    }

    #[test]
    fn every_form_can_be_written() {
        for message in samples::all() {
            let body = body(&message, "https://p.example");
            assert_eq!(body["data"]["count"], message.count);
        }
    }
}
