//! The private Postgres: started, stopped, refused twice, killed, and its data kept.

use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use parallax::store::{PrivateError, PrivatePostgres, Store};
use sqlx::{Connection, Executor, PgConnection, Row};

/// A folder of its own, removed at the end.
struct DataDir(PathBuf);

impl DataDir {
    fn new() -> Self {
        Self(std::env::temp_dir().join(format!("parallax-test-{}", uuid::Uuid::new_v4().simple())))
    }

    fn path(&self) -> &Path {
        &self.0
    }

    fn postmaster(&self) -> Pid {
        let file = self.0.join("postgres/postmaster.pid");
        let text = std::fs::read_to_string(file).expect("a server that runs has a pid file");
        Pid::from_raw(text.lines().next().expect("a first line").trim().parse().expect("a process id"))
    }
}

impl Drop for DataDir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn runs(process: Pid) -> bool {
    std::fs::read_to_string(format!("/proc/{process}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

async fn ends_within(process: Pid, patience: Duration) -> bool {
    let asked = Instant::now();
    while asked.elapsed() < patience {
        if !runs(process) {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    false
}

#[tokio::test]
async fn it_starts_takes_our_schema_and_keeps_what_was_written() {
    let folder = DataDir::new();
    let asked = Instant::now();
    let first = PrivatePostgres::start(folder.path()).await.expect("starts");
    println!("made and ready after {} ms", asked.elapsed().as_millis());
    Store::migrate(first.url()).await.expect("its owner can lay our schema");
    Store::connect(first.url(), 2).await.expect("and become the application's role");
    let mut owner = PgConnection::connect(first.url()).await.expect("connects");
    let powers = owner
        .fetch_one(
            "SELECT rolsuper OR rolbypassrls OR rolcreatedb FROM pg_roles WHERE rolname = current_user",
        )
        .await
        .expect("a role");
    assert!(!powers.get::<bool, _>(0), "the owner has more power than it needs");
    let ports = owner.fetch_one("SHOW listen_addresses").await.expect("a setting");
    assert_eq!(ports.get::<String, _>(0), "", "it listens on a port");
    owner.execute("CREATE TABLE kept (word text); INSERT INTO kept VALUES ('there')").await.expect("writes");
    owner.close().await.expect("closes");
    let server = folder.postmaster();
    first.stop().await.expect("stops");
    assert!(!runs(server), "it still runs after stop");

    let asked = Instant::now();
    let second = PrivatePostgres::start(folder.path()).await.expect("starts again");
    println!("ready again after {} ms", asked.elapsed().as_millis());
    let mut owner = PgConnection::connect(second.url()).await.expect("connects");
    let kept = owner.fetch_one("SELECT word FROM kept").await.expect("the row");
    assert_eq!(kept.get::<String, _>(0), "there");
    second.stop().await.expect("stops");
}

#[tokio::test]
async fn a_second_start_on_the_same_folder_says_who_holds_it() {
    let folder = DataDir::new();
    let first = PrivatePostgres::start(folder.path()).await.expect("starts");
    let refused = PrivatePostgres::start(folder.path()).await.expect_err("the folder is taken");
    let message = refused.to_string();
    assert!(matches!(refused, PrivateError::InUse { .. }), "{message}");
    assert!(message.contains(&std::process::id().to_string()), "{message}");
    assert!(message.contains(&folder.path().display().to_string()), "{message}");
    PgConnection::connect(first.url()).await.expect("and the first is not disturbed");
    first.stop().await.expect("stops");
}

#[tokio::test]
async fn a_killed_server_starts_again_with_its_data() {
    let folder = DataDir::new();
    let first = PrivatePostgres::start(folder.path()).await.expect("starts");
    let mut owner = PgConnection::connect(first.url()).await.expect("connects");
    owner.execute("CREATE TABLE kept (word text); INSERT INTO kept VALUES ('there')").await.expect("writes");
    kill(folder.postmaster(), Signal::SIGKILL).expect("kills");
    drop(first);
    let again = PrivatePostgres::start(folder.path()).await.expect("starts after the crash");
    let mut owner = PgConnection::connect(again.url()).await.expect("connects");
    let kept = owner.fetch_one("SELECT word FROM kept").await.expect("the row");
    assert_eq!(kept.get::<String, _>(0), "there");
    again.stop().await.expect("stops");
}

#[tokio::test]
async fn dropped_without_a_stop_it_still_ends_and_can_be_started_at_once() {
    let folder = DataDir::new();
    let first = PrivatePostgres::start(folder.path()).await.expect("starts");
    let server = folder.postmaster();
    drop(first);
    let again = PrivatePostgres::start(folder.path()).await.expect("starts beside one that is ending");
    assert!(!runs(server), "two servers on one folder");
    again.stop().await.expect("stops");

    let third = PrivatePostgres::start(folder.path()).await.expect("starts");
    let server = folder.postmaster();
    drop(third);
    assert!(ends_within(server, Duration::from_secs(10)).await, "it outlives us");
}

#[tokio::test]
async fn a_server_whose_keeper_was_killed_too_is_found_and_ended() {
    let folder = DataDir::new();
    let first = PrivatePostgres::start(folder.path()).await.expect("starts");
    let server = folder.postmaster();
    let stat = std::fs::read_to_string(format!("/proc/{server}/stat")).expect("it runs");
    let keeper: i32 = stat
        .rsplit(") ")
        .next()
        .and_then(|rest| rest.split(' ').nth(1))
        .expect("a parent")
        .parse()
        .expect("an id");
    nix::sys::signal::killpg(Pid::from_raw(keeper), Signal::SIGSTOP)
        .expect("nobody of the group acts any more");
    kill(Pid::from_raw(keeper), Signal::SIGKILL).expect("kills the keeper");
    kill(server, Signal::SIGCONT).expect("the server goes on");
    drop(first);
    let again = PrivatePostgres::start(folder.path()).await.expect("starts");
    assert!(!runs(server), "the leftover still runs");
    PgConnection::connect(again.url()).await.expect("connects");
    again.stop().await.expect("stops");
}

#[tokio::test]
async fn a_pid_file_that_names_a_stranger_harms_nobody() {
    let folder = DataDir::new();
    PrivatePostgres::start(folder.path()).await.expect("starts").stop().await.expect("stops");
    let ours = std::process::id();
    let data = folder.path().join("postgres");
    std::fs::write(data.join("postmaster.pid"), format!("{ours}\n{}\n", data.display())).expect("writes");
    let again = PrivatePostgres::start(folder.path()).await.expect("starts, and we are still alive");
    again.stop().await.expect("stops");
}

#[tokio::test]
async fn a_path_too_long_for_a_socket_is_no_obstacle() {
    let folder = DataDir::new();
    let deep = folder.path().join("a".repeat(90));
    std::fs::create_dir_all(&deep).expect("makes");
    let started = PrivatePostgres::start(&deep).await.expect("starts");
    assert!(started.url().contains("tmp%2Fparallax"), "{}", started.url());
    PgConnection::connect(started.url()).await.expect("connects");
    started.stop().await.expect("stops");
}

#[tokio::test]
async fn a_data_folder_closed_to_the_database_user_is_no_obstacle() {
    let folder = DataDir::new();
    std::fs::DirBuilder::new().mode(0o700).create(folder.path()).expect("makes");
    let data_dir = folder.path().join("data");
    let first = PrivatePostgres::start(&data_dir).await.expect("starts");
    let mut owner = PgConnection::connect(first.url()).await.expect("connects");
    owner.execute("CREATE TABLE kept (word text)").await.expect("writes");
    first.stop().await.expect("stops");
    let again = PrivatePostgres::start(&data_dir).await.expect("starts again");
    let mut owner = PgConnection::connect(again.url()).await.expect("connects");
    owner.execute("SELECT word FROM kept").await.expect("the data were kept");
    let refused = PrivatePostgres::start(&data_dir).await.expect_err("the folder is taken").to_string();
    assert!(refused.contains(&data_dir.display().to_string()), "{refused}");
    again.stop().await.expect("stops");
    if let Ok(target) = std::fs::read_link(data_dir.join("postgres")) {
        std::fs::remove_dir_all(target.parent().expect("a folder")).expect("removes");
    }
}

#[tokio::test]
async fn a_file_in_the_way_is_named() {
    let folder = DataDir::new();
    std::fs::write(folder.path(), "in the way").expect("writes");
    let message = PrivatePostgres::start(folder.path()).await.expect_err("no folder").to_string();
    assert!(message.starts_with(&folder.path().display().to_string()), "{message}");
    std::fs::remove_file(folder.path()).expect("removes");
}
