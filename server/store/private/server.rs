//! The server process: made, started, watched, ended.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sqlx::ConnectOptions;
use sqlx::postgres::PgConnection;
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

use super::binaries::Binaries;
use super::folder::{Account, Folders, last_lines};
use super::{PrivateError, superuser};

/// Starts the server and ends it in good order when standard input closes, so also when whoever
/// holds the other end was killed. Ends itself when the server does.
const KEEPER: &str = r#"
exec 3<&0
"$@" </dev/null 3<&- & server=$!
( read -r _ <&3; kill -INT "$server" ) 2>/dev/null & guard=$!
exec 3<&- </dev/null
wait "$server"; status=$?
kill "$guard" 2>/dev/null
exit "$status"
"#;

/// Settings that differ from the defaults: a socket and no port; sized for one small machine.
const SETTINGS: [&str; 8] = [
    "listen_addresses=",
    "unix_socket_permissions=0700",
    "logging_collector=off",
    "shared_buffers=256MB",
    "max_wal_size=2GB",
    "wal_compression=on",
    "random_page_cost=1.1",
    "jit=off",
];

/// How long recovery after a crash may take.
const READY_WITHIN: Duration = Duration::from_mins(1);
/// How long a server that is ending may take before it is made to.
const LEFTOVER_ENDS_WITHIN: Duration = Duration::from_secs(10);

fn command(program: &Path, account: &Account) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("LC_ALL", "C");
    command.current_dir("/");
    if account.switch {
        command.uid(account.uid).gid(account.gid);
    }
    command
}

/// Makes the data: in a folder beside, so that half-made data are never taken for whole ones.
pub(super) async fn initialise(binaries: &Binaries, folders: &Folders) -> Result<(), PrivateError> {
    let fresh = folders.fresh()?;
    let failed = |output: String| PrivateError::Program { program: "initdb".into(), output };
    let run = command(&binaries.initdb, &folders.account)
        .args(["--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-locale", "-D"])
        .arg(&fresh)
        .kill_on_drop(true)
        .output();
    let output = timeout(READY_WITHIN, run)
        .await
        .map_err(|_| failed("it did not end within a minute".into()))?
        .map_err(|cause| failed(cause.to_string()))?;
    if !output.status.success() {
        return Err(failed(last_lines(&String::from_utf8_lossy(&output.stderr))));
    }
    folders.settle(&fresh)
}

/// A running server and the shell that keeps it.
#[derive(Debug)]
pub(super) struct Server {
    keeper: Child,
    postmaster: Option<Pid>,
}

impl Server {
    /// Starts it, in a process group of its own: a terminal's Ctrl-C is for us, and we end it
    /// when we are done.
    fn spawn(binaries: &Binaries, folders: &Folders) -> Result<Self, PrivateError> {
        let failed = |cause: std::io::Error| PrivateError::Program {
            program: "postgres".into(),
            output: cause.to_string(),
        };
        let log = folders.open_log()?;
        let mut command = command(Path::new("/bin/sh"), &folders.account);
        command.arg("-c").arg(KEEPER).arg("parallax-postgres").arg(&binaries.postgres);
        command.arg("-D").arg(&folders.data).arg("-k").arg(&folders.socket);
        command.args(SETTINGS.iter().flat_map(|setting| ["-c", *setting]));
        command.stdin(Stdio::piped()).stdout(log.try_clone().map_err(failed)?).stderr(log).process_group(0);
        Ok(Self { keeper: command.spawn().map_err(failed)?, postmaster: None })
    }

    /// Starts it and waits for the first connection. Processes of a server that was killed hold
    /// its memory for a moment, and no other may start while they do: that is waited out.
    pub(super) async fn start(
        binaries: &Binaries,
        folders: &Folders,
    ) -> Result<(Self, PgConnection), PrivateError> {
        let mut tries = 0;
        loop {
            let mut server = Self::spawn(binaries, folders)?;
            match server.wait_until_ready(folders).await {
                Ok(admin) => return Ok((server, admin)),
                Err(PrivateError::NotReady { tail, .. }) if tries < 10 && tail.contains("still in use") => {
                    tries += 1;
                    sleep(Duration::from_millis(300)).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Waits for the first connection that is accepted.
    async fn wait_until_ready(&mut self, folders: &Folders) -> Result<PgConnection, PrivateError> {
        let started = Instant::now();
        let options = superuser(&folders.socket);
        let not_ready = || PrivateError::NotReady { log: folders.log.clone(), tail: folders.log_tail() };
        loop {
            if let Ok(Ok(connection)) = timeout(Duration::from_secs(5), options.connect()).await {
                self.postmaster = postmaster_of(folders);
                return Ok(connection);
            }
            let ended = self.keeper.try_wait().ok().flatten().is_some();
            if ended || started.elapsed() > READY_WITHIN {
                return Err(not_ready());
            }
            sleep(Duration::from_millis(15)).await;
        }
    }

    /// Ends it: in good order within `patience`, at once after that.
    pub(super) async fn stop(mut self, patience: Duration) -> Result<(), PrivateError> {
        drop(self.keeper.stdin.take());
        if timeout(patience, self.keeper.wait()).await.is_ok() {
            return Ok(());
        }
        if let Some(postmaster) = self.postmaster {
            signal(postmaster, Signal::SIGQUIT)?;
        }
        match timeout(patience, self.keeper.wait()).await {
            Ok(_) => Ok(()),
            Err(_) => Err(PrivateError::Program {
                program: "postgres".into(),
                output: "it did not end when asked to".into(),
            }),
        }
    }
}

/// Ends a server that a killed predecessor left on our data. The caller holds the lock, so it
/// belongs to nobody any more.
pub(super) async fn end_leftover(folders: &Folders) -> Result<(), PrivateError> {
    let Some(leftover) = postmaster_of(folders) else { return Ok(()) };
    let steps = [None, Some(Signal::SIGINT), Some(Signal::SIGQUIT)];
    for step in steps {
        if let Some(step) = step {
            signal(leftover, step)?;
        }
        let asked = Instant::now();
        while asked.elapsed() < LEFTOVER_ENDS_WITHIN / if step.is_none() { 5 } else { 1 } {
            if postmaster_of(folders).is_none() {
                return Ok(());
            }
            sleep(Duration::from_millis(25)).await;
        }
    }
    Err(PrivateError::Program {
        program: format!("postgres (process {leftover})"),
        output: "it was left over on our data and does not end".into(),
    })
}

/// The live server that runs on exactly these data, if any: the process its own file names, as
/// far as it is a Postgres that stands in this folder. A file that names anything else is stale,
/// and is removed, since the id may belong to a stranger by now.
fn postmaster_of(folders: &Folders) -> Option<Pid> {
    let file = folders.data.join("postmaster.pid");
    let text = std::fs::read_to_string(&file).ok()?;
    let pid = text.lines().next()?.trim().parse::<i32>().ok().filter(|pid| *pid > 1)?;
    let process = Path::new("/proc").join(pid.to_string());
    let stands_here = std::fs::read_link(process.join("cwd")).is_ok_and(|cwd| cwd == folders.data);
    let is_postgres =
        std::fs::read_to_string(process.join("comm")).is_ok_and(|name| name.trim() == "postgres");
    if stands_here && is_postgres {
        return Some(Pid::from_raw(pid));
    }
    if Path::new("/proc/self").exists() {
        let _ = std::fs::remove_file(&file);
    }
    None
}

fn signal(process: Pid, signal: Signal) -> Result<(), PrivateError> {
    match kill(process, signal) {
        Ok(()) | Err(Errno::ESRCH) => Ok(()),
        Err(errno) => Err(PrivateError::Program {
            program: format!("ending process {process}"),
            output: errno.to_string(),
        }),
    }
}
