//! Mails on their way out: a letter with both parts, handed to the operator's SMTP server.
//!
//! TLS unless the operator says otherwise, a bound on every wait. What is in a letter is decided
//! elsewhere; nothing is kept here.

use std::time::Duration;

use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::AsyncSmtpTransport;
use lettre::{AsyncTransport, Message, Tokio1Executor};

/// A server that does not answer for so long is away.
const PATIENCE: Duration = Duration::from_secs(20);

/// A mail for one person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// Where it goes.
    pub to: String,
    /// What it is about.
    pub subject: String,
    /// As plain text.
    pub text: String,
    /// As HTML.
    pub html: String,
    /// The same for each attempt, so that a server that got it twice knows.
    pub id: String,
    /// The address that takes its reader off the list, by one click (RFC 8058).
    pub leave: String,
}

/// Why a letter did not go.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The server refuses this recipient or this letter, in its words; trying again does not help.
    #[error("{0}")]
    Refused(String),
    /// The server is away, or wants us to come back later.
    #[error("{0}")]
    Away(String),
}

/// The operator's SMTP server.
#[derive(Debug, Clone)]
pub struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    host: String,
}

impl Mailer {
    /// At `url` (`smtps://user:password@host:465`, or `smtp://host:587?tls=required`), in the name
    /// of `from`. `host` is the right side of message ids. The error says what is wrong with either.
    pub fn new(url: &str, from: &str, host: &str) -> Result<Self, String> {
        let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(url)
            .map_err(|fault| format!("the mail server's address: {fault}"))?
            .timeout(Some(PATIENCE))
            .build();
        let from = from.parse().map_err(|fault| format!("the sender {from:?}: {fault}"))?;
        Ok(Self { transport, from, host: host.to_owned() })
    }

    /// Hands a letter over.
    pub async fn send(&self, letter: &Letter) -> Result<(), Failure> {
        let message = self.message(letter).map_err(Failure::Refused)?;
        match self.transport.send(message).await {
            Ok(_) => Ok(()),
            Err(fault) => Err(told(&fault)),
        }
    }

    fn message(&self, letter: &Letter) -> Result<Message, String> {
        let to: Mailbox = letter.to.parse().map_err(|fault| format!("{}: {fault}", letter.to))?;
        let header = |name, value: String| HeaderValue::new(HeaderName::new_from_ascii_str(name), value);
        Message::builder()
            .from(self.from.clone())
            .to(to)
            .subject(letter.subject.clone())
            .message_id(Some(format!("<{}@{}>", letter.id, self.host)))
            .raw_header(header("List-Unsubscribe", format!("<{}>", letter.leave)))
            .raw_header(header("List-Unsubscribe-Post", "List-Unsubscribe=One-Click".into()))
            .raw_header(header("Auto-Submitted", "auto-generated".into()))
            .multipart(MultiPart::alternative_plain_html(letter.text.clone(), letter.html.clone()))
            .map_err(|fault| fault.to_string())
    }
}

/// What a fault means: a code that speaks of the mailbox or the message (RFC 5321, 550 to 554) is
/// final; everything else may pass.
fn told(fault: &lettre::transport::smtp::Error) -> Failure {
    let code = fault.status().map(u16::from);
    let mut words = fault.to_string();
    let mut next = std::error::Error::source(fault);
    while let Some(inner) = next {
        words = format!("{words}: {inner}");
        next = inner.source();
    }
    match code {
        Some(550..=554) => Failure::Refused(words),
        _ => Failure::Away(words),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_operator_wrote_is_checked() {
        assert!(Mailer::new("smtp://127.0.0.1:25", "Parallax <p@example.org>", "x").is_ok());
        assert!(Mailer::new("http://127.0.0.1", "p@example.org", "x").is_err());
        assert!(Mailer::new("smtp://127.0.0.1", "nobody", "x").is_err());
    }

    #[test]
    fn a_letter_has_both_parts_and_the_way_out() {
        let mailer = Mailer::new("smtp://127.0.0.1", "Parallax <p@example.org>", "posture.example.org")
            .expect("a mailer");
        let letter = Letter {
            to: "ann@example.org".into(),
            subject: "Zwei neue — größer".into(),
            text: "plain".into(),
            html: "<p>rich</p>".into(),
            id: "a.b".into(),
            leave: "https://posture.example.org/leave/x".into(),
        };
        let text = String::from_utf8(mailer.message(&letter).expect("a message").formatted()).expect("text");
        for part in [
            "Message-ID: <a.b@posture.example.org>",
            "List-Unsubscribe: <https://posture.example.org/leave/x>",
            "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
            "text/plain",
            "text/html",
        ] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
        let injected = Letter { to: "ann@example.org\r\nBcc: eve@example.org".into(), ..letter };
        assert!(mailer.message(&injected).is_err(), "nobody else is written into the head");
    }
}
