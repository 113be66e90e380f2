//! `parallax demo`: the dashboard over a sample cloud, without an account anywhere.
//!
//! The sample cloud answers as real sources do; everything else is the service as it always is. Its
//! data live in a folder of their own, apart from those of real accounts.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Args;
use tokio::time::sleep;
use uuid::Uuid;

use crate::app::{self, App, AppFault, Stop, now};
use crate::config::Config;
use crate::demo::{SampleCloud, Shape};
use crate::store::runs::{self, Last, Reads};
use crate::store::{StoreError, connections};

/// How often to look how far the runs have come.
const LOOK: Duration = Duration::from_millis(300);
/// How often to say so.
const SAY: Duration = Duration::from_secs(3);
const INTERVAL_SECONDS: i64 = 3_600;
/// Where the sample's assets may live, unless the operator says otherwise: some live elsewhere.
const REGIONS: [&str; 5] = ["eu-west-1", "eu-central-1", "eu-north-1", "westeurope", "northeurope"];

/// Serve the dashboard over a sample cloud
#[derive(Debug, Args)]
pub struct Demo {
    /// About how many assets the sample cloud holds
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(100..=200_000))]
    assets: u32,
    /// Another seed is another estate
    #[arg(long, default_value_t = Shape::default().seed)]
    seed: u64,
    /// How many of a hundred assets change between the first look and the second
    #[arg(long, default_value_t = 2.0, value_name = "PERCENT")]
    changed: f64,
    /// Where the dashboard answers, instead of PARALLAX_LISTEN
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<std::net::SocketAddr>,
    /// Port of the sample cloud; the registry's assets are known by it
    #[arg(long, default_value_t = 8099)]
    cloud_port: u16,
    /// Look twice, say what was found, and end
    #[arg(long)]
    once: bool,
}

/// Serves until told to stop, or until it has looked twice.
pub async fn run(config: &Config, arguments: &Demo) -> Result<ExitCode, AppFault> {
    let wished = arguments.listen.unwrap_or(config.listen);
    if !wished.ip().is_loopback() {
        return Err(AppFault::Listen(format!(
            "--listen: nobody logs in to the demo: use a loopback address, not {wished}"
        )));
    }
    let listener = app::listen("PARALLAX_LISTEN", wished).await?;
    let address = listener.local_addr().map_err(|cause| AppFault::Listen(cause.to_string()))?;
    let cloud = start_cloud(arguments).await?;
    let stop = Stop::on_signals()?;
    let app = App::open(&apart(config, arguments)).await?;
    println!("Parallax answers on http://{address}, the sample cloud on http://{}", cloud.address());
    let worker = tokio::spawn(app.worker().run(stop.asked.clone()));
    let looking = async {
        let looked = tokio::select! {
            looked = look(&app, &cloud) => looked,
            () = stop.asked.cancelled() => return Ok(()),
        };
        if arguments.once || looked.is_err() {
            stop.now();
        } else {
            println!("\nOpen http://{address} in a browser; Ctrl-C ends it.");
        }
        looked
    };
    let (served, looked) = tokio::join!(app.serve(listener, &stop), looking);
    stop.now();
    // A worker that panicked has told so in the log; the demo ends all the same.
    let _ = worker.await;
    app.close().await?;
    served?;
    looked?;
    Ok(ExitCode::SUCCESS)
}

async fn start_cloud(arguments: &Demo) -> Result<SampleCloud, AppFault> {
    let shape = Shape {
        seed: arguments.seed,
        assets: arguments.assets,
        changed_percent: arguments.changed,
        ..Shape::default()
    };
    let port = arguments.cloud_port;
    SampleCloud::start_on(port, shape).await.map_err(|cause| {
        AppFault::Listen(format!("--cloud-port: the sample cloud cannot answer on port {port}: {cause}"))
    })
}

/// The configuration with a data folder for this estate alone.
fn apart(config: &Config, arguments: &Demo) -> Config {
    let mut config = config.clone();
    // Nothing in it is anybody's, and it answers on loopback alone.
    config.login = false;
    config.data_dir.push(format!("demo-{}-{}", arguments.assets, arguments.seed));
    if config.allowed_regions.is_empty() {
        config.allowed_regions = REGIONS.map(String::from).to_vec();
    }
    config
}

/// Looks at the sample cloud; the first time twice, with a day between.
async fn look(app: &App, cloud: &SampleCloud) -> Result<(), StoreError> {
    let mut tx = app.store.begin(app.tenant).await?;
    let first = connections::list(&mut tx).await?.is_empty();
    drop(tx);
    if first {
        println!("Looking at the sample cloud for the first time");
        pass(app, cloud, Reads::Everything).await?;
        println!("A day passes; looking again at what has changed");
        cloud.next_day(now());
        return pass(app, cloud, Reads::Changes).await;
    }
    println!("Looking again at the sample cloud");
    cloud.next_day(now());
    pass(app, cloud, Reads::Everything).await
}

/// Queues a run of each connection and follows them to their ends.
async fn pass(app: &App, cloud: &SampleCloud, reads: Reads) -> Result<(), StoreError> {
    let (mut waiting, started) = (Vec::new(), Instant::now());
    for (name, spec) in cloud.connections() {
        let mut tx = app.store.begin(app.tenant).await?;
        let id = connections::save(&mut tx, &name, &spec, INTERVAL_SECONDS, now()).await?;
        runs::enqueue(&mut tx, id, reads, now()).await?;
        tx.commit().await?;
        waiting.push(Watch { name, id, said: started });
    }
    while !waiting.is_empty() {
        sleep(LOOK).await;
        let mut tx = app.store.begin(app.tenant).await?;
        let mut still = Vec::new();
        for mut one in waiting {
            match runs::last(&mut tx, one.id).await? {
                Some(last) if matches!(last.state.as_str(), "queued" | "running") => {
                    one.say(&last);
                    still.push(one);
                }
                Some(last) => one.end(&last),
                None => {}
            }
        }
        waiting = still;
    }
    println!("  done in {:.1} s", started.elapsed().as_secs_f64());
    Ok(())
}

/// A run that is being followed.
struct Watch {
    name: String,
    id: Uuid,
    said: Instant,
}

impl Watch {
    /// Says every few seconds how far it has come.
    fn say(&mut self, last: &Last) {
        if last.seen > 0 && self.said.elapsed() > SAY {
            println!("  {}: {} assets so far", self.name, last.seen);
            self.said = Instant::now();
        }
    }

    fn end(&self, last: &Last) {
        let Last { state, seen, changed, gaps, fault } = last;
        println!("  {}: {state}, {seen} assets, {changed} new or changed, {gaps} gaps", self.name);
        if let Some(fault) = fault {
            println!("  {}: {fault}", self.name);
        }
    }
}
