//! A real SMTP server (aiosmtpd) that keeps what it gets, and the mails as a person reads them.

use std::path::PathBuf;

use mail_parser::{MessageParser, MimeHeaders};
use parallax::jobs::Post;
use parallax::mail::Mailer;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// The server.
pub struct Sink {
    pub folder: PathBuf,
    pub port: u16,
    child: Option<Child>,
}

/// A mail that came.
#[derive(Debug, Clone)]
pub struct Came {
    pub to: String,
    pub subject: String,
    pub text: String,
    pub html: String,
    pub leave: String,
    pub one_click: bool,
    pub id: String,
}

impl Sink {
    pub async fn start() -> Self {
        let folder = std::env::temp_dir().join(format!("parallax-mail-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .expect("a port")
            .local_addr()
            .expect("an address")
            .port();
        let mut sink = Self { folder, port, child: None };
        sink.up().await;
        sink
    }

    /// Starts it at the same port.
    pub async fn up(&mut self) {
        let python = std::env::var("PARALLAX_TEST_SMTP")
            .expect("PARALLAX_TEST_SMTP names a python that has aiosmtpd; ./dev test installs one");
        let mut child = Command::new(python)
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/smtp_sink.py"))
            .arg(&self.folder)
            .arg(self.port.to_string())
            .stdout(std::process::Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the server starts");
        let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        assert_eq!(lines.next_line().await.expect("a line").as_deref(), Some("ready"));
        self.child = Some(child);
    }

    /// Stops it.
    pub async fn down(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().await.expect("it stops");
        }
    }

    /// How we send to it.
    pub fn post(&self, public_url: &str) -> Post {
        let url = format!("smtp://127.0.0.1:{}", self.port);
        let mailer =
            Mailer::new(&url, "Parallax <parallax@example.org>", "posture.example.org").expect("a mailer");
        Post { mailer, public_url: public_url.parse().expect("an address") }
    }

    /// Everything that came, by recipient.
    pub fn came(&self) -> Vec<Came> {
        let mut all: Vec<Came> = std::fs::read_dir(&self.folder)
            .expect("the folder")
            .map(|entry| entry.expect("an entry").path())
            .filter(|path| path.extension().is_some_and(|end| end == "eml"))
            .map(|path| read(&std::fs::read(path).expect("a mail")))
            .collect();
        all.sort_by(|one, other| one.to.cmp(&other.to));
        all
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn read(bytes: &[u8]) -> Came {
    let mail = MessageParser::default().parse(bytes).expect("a mail");
    let header = |name: &str| mail.header_raw(name).unwrap_or_default().trim().to_owned();
    assert_eq!(mail.content_type().map(|kind| kind.ctype().to_owned()).as_deref(), Some("multipart"));
    Came {
        to: mail.to().and_then(|to| to.first()).and_then(|one| one.address()).expect("to").to_owned(),
        subject: mail.subject().expect("a subject").to_owned(),
        text: mail.body_text(0).expect("plain text").replace("\r\n", "\n"),
        html: mail.body_html(0).expect("HTML").into_owned(),
        leave: header("List-Unsubscribe").trim_matches(['<', '>']).to_owned(),
        one_click: header("List-Unsubscribe-Post") == "List-Unsubscribe=One-Click",
        id: mail.message_id().expect("an id").to_owned(),
    }
}
