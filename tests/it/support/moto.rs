//! A moto server: AWS as far as a test needs it, started once and ended with the tests.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};

/// A moto server of one test's own, so that no test sees another's account.
pub struct Moto {
    server: Mutex<Child>,
    /// Where it answers.
    pub address: SocketAddr,
}

impl Moto {
    /// Starts the server that `PARALLAX_TEST_MOTO` names.
    pub async fn start() -> Self {
        let program = std::env::var("PARALLAX_TEST_MOTO")
            .expect("PARALLAX_TEST_MOTO names moto_server (pip install 'moto[server]'; ./dev test does it)");
        let port = {
            let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
            free.local_addr().expect("an address").port()
        };
        let server = Command::new(&program)
            .args(["-H", "127.0.0.1", "-p", &port.to_string()])
            .env("MOTO_IAM_LOAD_MANAGED_POLICIES", "true")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|cause| panic!("{program}: {cause}"));
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        for _ in 0..300 {
            if TcpStream::connect(address).is_ok() {
                return Self { server: Mutex::new(server), address };
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("moto does not answer on {address}");
    }

    /// Its address as an endpoint.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// SDK settings that lead here.
    pub async fn config(&self, region: &str) -> SdkConfig {
        let credentials = aws_sdk_lambda::config::Credentials::new("test", "test", None, None, "test");
        aws_config::defaults(BehaviorVersion::latest())
            .region(Region::new(region.to_owned()))
            .endpoint_url(self.endpoint())
            .credentials_provider(credentials)
            .load()
            .await
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        let mut server = self.server.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = server.kill();
        let _ = server.wait();
    }
}
