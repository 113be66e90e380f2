//! More than one turn takes: nothing of it is lost, here or there.

use chrono::{DateTime, TimeDelta, Utc};
use parallax::model::TrackerKind;
use parallax::store::tickets::{self, Author, Work};
use serde_json::{Value, json};
use uuid::Uuid;

use super::super::support::estate::now;
use super::super::support::trackers::Remote;
use super::{Desk, later};

#[tokio::test]
async fn what_changed_behind_a_list_that_is_cut_is_heard_the_next_time() {
    let desk = Desk::new(TrackerKind::GitHub, json!({})).await;
    desk.run(1, 0).await;
    let path = desk.ticket().await;
    desk.look(now).await;
    let ours = desk.issue().id;
    {
        let mut held = desk.fake.held.lock().expect("a lock");
        for number in 0..45 {
            let id = held.number();
            held.issues.push(Remote {
                id,
                title: "somebody else's".into(),
                text: json!("x"),
                labels: vec!["parallax".into()],
                status: "open".into(),
                comments: Vec::new(),
                fields: Value::Null,
                updated: later(2) + TimeDelta::seconds(number),
            });
        }
        let issue = held.issue(ours).expect("ours");
        issue.status = "not_planned".into();
        issue.updated = later(4);
    }
    desk.look(|| later(6)).await;
    assert_eq!(desk.state(&path).await, "open", "twenty pages of two are read at once");
    desk.look(|| later(8)).await;
    assert_eq!(desk.state(&path).await, "wont_fix");
    desk.end().await;
}

#[tokio::test]
async fn whatever_was_said_here_is_said_there_however_much_it_is() {
    let desk = Desk::new(TrackerKind::GitHub, json!({})).await;
    desk.run(1, 0).await;
    let path = desk.ticket().await;
    desk.look(now).await;
    let ticket: Uuid = path.rsplit('/').next().expect("an id").parse().expect("an id");
    let author = Author { reference: "person:ann".into(), name: "Ann".into() };
    let mut tx = desk.town.scratch.store.begin(desk.town.scratch.tenant).await.expect("a transaction");
    for number in 0..60 {
        let work = Work { ticket, author: &author, now: now() };
        tickets::comment(&mut tx, work, &format!("word {number:02}")).await.expect("said");
    }
    tx.commit().await.expect("commits");
    for clock in [|| later(2), || later(4), || later(6)] as [fn() -> DateTime<Utc>; 3] {
        desk.look(clock).await;
    }
    let said = desk.said();
    for number in 0..60 {
        let word = format!("word {number:02}");
        assert_eq!(said.iter().filter(|words| words.contains(&word)).count(), 1, "{word}: {said:?}");
    }
    assert!(said.is_sorted_by_key(|words| words.find("word ").map(|at| words[at..at + 7].to_owned())));
    desk.end().await;
}
