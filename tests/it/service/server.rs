//! A server as a process: where it answers, what it prints, what it logs.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use reqwest::redirect::Policy;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

use crate::support::people::{Browser, PASSWORD};

type Lines = Arc<Mutex<Vec<String>>>;

/// A running program of ours.
pub struct Server {
    pub child: Child,
    printed: Lines,
    logged: Lines,
}

fn gather(stream: impl AsyncRead + Unpin + Send + 'static) -> Lines {
    let kept = Lines::default();
    let lines = kept.clone();
    tokio::spawn(async move {
        let mut stream = BufReader::new(stream).lines();
        while let Ok(Some(line)) = stream.next_line().await {
            lines.lock().expect("lines").push(line);
        }
    });
    kept
}

impl Server {
    /// Starts it and gathers what it says.
    pub fn start(command: &mut Command) -> Self {
        use std::process::Stdio;
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("starts");
        let printed = gather(child.stdout.take().expect("its output"));
        let logged = gather(child.stderr.take().expect("its log"));
        Self { child, printed, logged }
    }

    /// The word that follows `before` in what it printed, once it is there.
    pub async fn printed(&self, before: &str) -> String {
        let found = async {
            loop {
                let line = self.printed.lock().expect("lines").iter().find_map(|line| {
                    let word = line.split(before).nth(1)?.split_whitespace().next()?;
                    Some(word.to_owned())
                });
                match line {
                    Some(word) => return word,
                    None => sleep(Duration::from_millis(20)).await,
                }
            }
        };
        let late = timeout(Duration::from_mins(1), found).await;
        late.unwrap_or_else(|_| panic!("it never said {before:?}; it logged {:?}", self.log()))
    }

    /// Where its pages are.
    pub async fn base(&self) -> String {
        self.printed("Parallax answers on ").await
    }

    /// What it logged so far.
    pub fn log(&self) -> Vec<String> {
        self.logged.lock().expect("lines").clone()
    }

    /// A browser of its pages.
    pub async fn browser(&self) -> Browser {
        let client = reqwest::Client::builder().redirect(Policy::none()).cookie_store(true).build();
        Browser { client: client.expect("a client"), base: self.base().await }
    }

    /// A browser whose user became the first owner by the link that was printed.
    pub async fn owner(&self, email: &str) -> Browser {
        let browser = self.browser().await;
        let link = format!("/welcome/{}", self.printed("/welcome/").await);
        let fields = [("email", email), ("name", "Ann"), ("password", PASSWORD)];
        let page = browser.submit(&link, &link, &fields).await;
        assert_eq!(page.status, 303, "{}", page.text);
        browser
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.id().expect("it runs")).expect("an id");
        kill(Pid::from_raw(id), signal).expect("it hears");
    }
}
