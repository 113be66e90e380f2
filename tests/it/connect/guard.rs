//! What people type leads nowhere it may not: registries end to end, with names of our own.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parallax::analysis::secrets::FingerprintKey;
use parallax::collect::aws::AwsCollector;
use parallax::collect::azure::AzureCollector;
use parallax::collect::oci::OciCollector;
use parallax::collect::{Access, CollectError};
use parallax::config::Reach;
use parallax::model::{AwsCredentials, AwsSpec, AzureSpec, RegistrySpec};
use parallax::outgoing::Guard;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::net::TcpListener;

use crate::support::fake_registry::{Reply, serve};

/// Names that lead where the test says; the second time perhaps elsewhere.
#[derive(Default)]
struct Names {
    first: HashMap<&'static str, IpAddr>,
    then: HashMap<&'static str, IpAddr>,
    asked: AtomicUsize,
}

impl Names {
    fn of(name: &'static str, first: &str, then: &str) -> Arc<Self> {
        let address = |text: &str| text.parse().expect("an address");
        Arc::new(Self {
            first: HashMap::from([(name, address(first))]),
            then: HashMap::from([(name, address(then))]),
            asked: AtomicUsize::new(0),
        })
    }
}

impl Resolve for Names {
    fn resolve(&self, name: Name) -> Resolving {
        let first = self.asked.fetch_add(1, Ordering::SeqCst) == 0;
        let known = if first { &self.first } else { &self.then };
        let found = known.get(name.as_str()).copied();
        Box::pin(async move {
            let address = found.ok_or("no such name")?;
            Ok(Box::new(std::iter::once(SocketAddr::new(address, 0))) as Addrs)
        })
    }
}

/// A server of this machine that counts who comes.
async fn trap() -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let came = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&came);
    tokio::spawn(async move {
        while listener.accept().await.is_ok() {
            counted.fetch_add(1, Ordering::SeqCst);
        }
    });
    (port, came)
}

fn access(guard: Guard) -> Access {
    Access { key: FingerprintKey::new([1; 32]), secret: None, guard }
}

async fn connect(address: String, guard: Guard) -> Result<(), CollectError> {
    let spec = RegistrySpec { address, plain_http: true, ..RegistrySpec::default() };
    OciCollector::new(&spec, access(guard)).await.map(|_| ())
}

#[tokio::test]
async fn no_spelling_of_an_inward_address_is_asked() {
    let (port, came) = trap().await;
    for host in [
        "127.0.0.1",
        "localhost",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "127.1",
        "0.0.0.0",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "169.254.169.254",
        "[fe80::1]",
        "[fd00::1]",
        "[fd00:ec2::254]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
    ] {
        let refused = connect(format!("{host}:{port}"), Guard::new(Reach::Internet)).await;
        assert!(matches!(refused, Err(CollectError::Invalid { .. })), "{host}: {refused:?}");
    }
    assert_eq!(came.load(Ordering::SeqCst), 0, "nobody was asked");
    let own = connect(format!("127.0.0.1:{port}"), Guard::new(Reach::Private)).await;
    assert!(matches!(own, Err(CollectError::Invalid { .. })), "private networks are not this machine");
}

#[tokio::test]
async fn a_name_that_leads_inwards_is_not_asked_whenever_it_does() {
    let (port, came) = trap().await;
    let guard =
        |first: &str, then: &str| Guard::new(Reach::Internet).over(Names::of("inner.example", first, then));
    let refused = connect(format!("inner.example:{port}"), guard("127.0.0.1", "127.0.0.1")).await;
    assert!(matches!(refused, Err(CollectError::Invalid { .. })), "{refused:?}");
    // Public when it is checked, inward when it is used.
    let changed = connect(format!("inner.example:{port}"), guard("1.1.1.1", "127.0.0.1")).await;
    assert!(matches!(changed, Err(CollectError::Unreachable { .. })), "{changed:?}");
    assert_eq!(came.load(Ordering::SeqCst), 0, "nobody was asked");
}

#[tokio::test]
async fn a_redirect_or_a_token_server_by_a_name_that_leads_to_metadata_is_not_followed() {
    let names = || Names::of("inner.example", "169.254.169.254", "169.254.169.254");
    let redirect = serve(Arc::new(|_: &str, _: &axum::http::HeaderMap| {
        Reply::new(307, "").header("location", "http://inner.example/latest/meta-data/")
    }))
    .await;
    let refused = connect(redirect, Guard::new(Reach::Loopback).over(names())).await;
    let told = refused.expect_err("it leads nowhere").to_string();
    assert!(told.contains("inner.example") && told.contains("may not be asked"), "{told}");
    let tokens = serve(Arc::new(|path: &str, _: &axum::http::HeaderMap| {
        let asks = "Bearer realm=\"http://inner.example/token\",service=\"x\"";
        if path.starts_with("/v2/") {
            Reply::new(401, "").header("www-authenticate", asks)
        } else {
            Reply::new(404, "")
        }
    }))
    .await;
    let spec = RegistrySpec {
        address: tokens,
        plain_http: true,
        credentials: parallax::model::RegistryCredentials::Sealed { username: "ann".into() },
        ..RegistrySpec::default()
    };
    let mut access = access(Guard::new(Reach::Loopback).over(names()));
    access.secret = Some(parallax::collect::Password::new("x"));
    let told = OciCollector::new(&spec, access).await.expect_err("it leads nowhere").to_string();
    assert!(told.contains("inner.example"), "{told}");
}

#[tokio::test]
async fn endpoints_of_clouds_lead_no_nearer_than_registries() {
    let (port, came) = trap().await;
    for host in ["127.0.0.1", "169.254.169.254", "10.0.0.1", "inner.example"] {
        let endpoint = Some(format!("https://{host}:{port}"));
        let guard = || Guard::new(Reach::Internet).over(Names::of("inner.example", "127.0.0.1", "127.0.0.1"));
        let credentials = AwsCredentials::AssumeRole {
            role_arn: "arn:aws:iam::111122223333:role/x".into(),
            external_id: None,
        };
        let spec = AwsSpec { regions: vec!["eu-west-1".into()], credentials, endpoint: endpoint.clone() };
        assert!(AwsCollector::new(&spec, access(guard())).await.is_err(), "{host}");
        let spec = AzureSpec {
            subscriptions: vec![uuid::Uuid::nil().to_string()],
            endpoint,
            // Any variable that is set: the word in it goes nowhere.
            token_variable: Some("CARGO_PKG_NAME".into()),
            ..AzureSpec::default()
        };
        assert!(AzureCollector::new(&spec, access(guard())).await.is_err(), "{host}");
    }
    assert_eq!(came.load(Ordering::SeqCst), 0, "nobody was asked");
}
