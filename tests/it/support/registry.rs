//! A real registry server on loopback, and images made by hand and pushed to it.
//!
//! The pushing is done by `oci-client`, which the collector does not use for its calls: what one
//! of the two gets wrong, the other does not repeat.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use oci_client::client::{ClientConfig, ClientProtocol};
use oci_client::secrets::RegistryAuth;
use oci_client::{Client, Reference, RegistryOperation};
use parallax::analysis::secrets::FingerprintKey;
use parallax::collect::oci::OciCollector;
use parallax::collect::{CollectError, Collector, Event, RunBuilder};
use parallax::model::{Asset, Facts, Gap, ImageFacts, RegistryCredentials, RegistrySpec, RepositoryFacts};
use reqwest::header::HeaderValue;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::process::{Child, Command};

pub const USER: &str = "ann";
/// The variable that holds the right password: cargo sets it to `parallax` for every test.
pub const PASSWORD_VARIABLE: &str = "CARGO_PKG_NAME";
/// A variable that holds something else.
pub const WRONG_VARIABLE: &str = "CARGO_PKG_VERSION";
/// Somebody whose password stands nowhere else.
pub const OTHER_USER: &str = "bob";
pub const OTHER_PASSWORD: &str = "kX9-wuQ2pLr7vT";
/// `ann` with the password `parallax` and `bob` with his, as htpasswd writes them with bcrypt.
const HTPASSWD: &str = "ann:$2y$05$BrVi/HP630mU1TIKyWac1.I1yVLflqG4OY6FNWdwycOJurJq/kZVG\nbob:$2y$05$BrVi/HP630mU1TIKyWac1.H/mhuL/xguoYJVTc0uzBtT3ZXZsGbgu\n";

const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold("sha256:".to_owned(), |text, byte| format!("{text}{byte:02x}"))
}

/// A registry server of its own, ended and removed with the test.
pub struct Registry {
    pub address: String,
    auth: RegistryAuth,
    client: Client,
    folder: PathBuf,
    _server: Child,
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Registry {
    /// One that asks nobody for anything.
    pub async fn open() -> Self {
        Self::start(RegistryAuth::Anonymous).await
    }

    /// One that asks for a user and a password.
    pub async fn guarded() -> Self {
        Self::start(RegistryAuth::Basic(USER.into(), "parallax".into())).await
    }

    async fn start(auth: RegistryAuth) -> Self {
        let folder =
            std::env::temp_dir().join(format!("parallax-registry-{}", uuid::Uuid::new_v4().simple()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .and_then(|one| one.local_addr())
            .expect("a port")
            .port();
        let address = format!("127.0.0.1:{port}");
        let mut config = json!({
            "version": 0.1,
            "log": { "level": "error", "accesslog": { "disabled": true } },
            "storage": { "filesystem": { "rootdirectory": folder.join("data") }, "delete": { "enabled": true } },
            "http": { "addr": address },
        });
        if matches!(auth, RegistryAuth::Basic(..)) {
            std::fs::write(folder.join("htpasswd"), HTPASSWD).expect("writes");
            config["auth"] = json!({ "htpasswd": { "realm": "test", "path": folder.join("htpasswd") } });
        }
        // YAML reads JSON.
        std::fs::write(folder.join("config.yml"), config.to_string()).expect("writes");
        let program = std::env::var("PARALLAX_TEST_REGISTRY").unwrap_or_else(|_| "docker-registry".into());
        let server = Command::new(&program)
            .args(["serve".into(), folder.join("config.yml")])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("{program}: {error}: install the package docker-registry, or name its program in PARALLAX_TEST_REGISTRY"));
        let protocol = ClientProtocol::Http;
        let client = Client::new(ClientConfig { protocol, ..ClientConfig::default() });
        let registry = Self { address, auth, client, folder, _server: server };
        registry.wait().await;
        registry
    }

    async fn wait(&self) {
        for _ in 0..200 {
            if reqwest::get(format!("http://{}/v2/", self.address)).await.is_ok() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("the registry does not answer within five seconds");
    }

    fn reference(&self, repository: &str, tag: &str) -> Reference {
        Reference::with_tag(self.address.clone(), repository.into(), tag.into())
    }

    async fn blob(&self, repository: &str, bytes: Vec<u8>) -> Value {
        let reference = self.reference(repository, "any");
        let (size, digest) = (bytes.len(), sha256(&bytes));
        self.client.auth(&reference, &self.auth, RegistryOperation::Push).await.expect("logs in");
        self.client.push_blob(&reference, bytes, &digest).await.expect("pushes a blob");
        json!({ "size": size, "digest": digest })
    }

    /// Puts `manifest` under `tag` and returns its digest.
    pub async fn manifest(&self, repository: &str, tag: &str, manifest: &Value) -> String {
        let body = manifest.to_string().into_bytes();
        let digest = sha256(&body);
        let kind = manifest["mediaType"].as_str().expect("a media type").to_owned();
        let kind = HeaderValue::from_str(&kind).expect("a header");
        let reference = self.reference(repository, tag);
        self.client.auth(&reference, &self.auth, RegistryOperation::Push).await.expect("logs in");
        self.client.push_manifest_raw(&reference, body, kind).await.expect("pushes a manifest");
        digest
    }

    /// Pushes an image of one layer with this configuration.
    pub async fn image(&self, repository: &str, tag: &str, config: &Value) -> String {
        self.artefact(repository, tag, OCI_CONFIG, config, LAYER).await
    }

    /// Pushes anything that has a configuration and a layer.
    pub async fn artefact(
        &self,
        repository: &str,
        tag: &str,
        config_type: &str,
        config: &Value,
        layer_type: &str,
    ) -> String {
        let mut config = self.blob(repository, config.to_string().into_bytes()).await;
        let mut layer = self.blob(repository, b"a layer".to_vec()).await;
        config["mediaType"] = json!(config_type);
        layer["mediaType"] = json!(layer_type);
        let manifest =
            json!({ "schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": [layer] });
        self.manifest(repository, tag, &manifest).await
    }

    /// Pushes an index over images of one repository: digest and architecture of each.
    pub async fn index(&self, repository: &str, tag: &str, children: &[(&str, &str)]) -> String {
        let children: Vec<Value> = children
            .iter()
            .map(|(digest, architecture)| {
                let platform = json!({ "os": "linux", "architecture": architecture });
                json!({ "mediaType": OCI_MANIFEST, "digest": digest, "size": 1, "platform": platform })
            })
            .collect();
        let index = json!({ "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": children });
        self.manifest(repository, tag, &index).await
    }

    /// How the collector is told of it.
    pub fn spec(&self) -> RegistrySpec {
        let credentials = match self.auth {
            RegistryAuth::Basic(..) => login(PASSWORD_VARIABLE),
            _ => RegistryCredentials::Anonymous,
        };
        RegistrySpec {
            address: self.address.clone(),
            plain_http: true,
            credentials,
            repositories: Vec::new(),
        }
    }
}

/// A login whose password is in `variable`.
pub fn login(variable: &str) -> RegistryCredentials {
    RegistryCredentials::Basic { username: USER.into(), password_variable: variable.into() }
}

/// What one run found.
#[derive(Debug, Default)]
pub struct Found {
    pub assets: Vec<Asset>,
    pub gaps: Vec<Gap>,
}

impl Found {
    /// The one asset with this native id, less the registry's address.
    pub fn asset(&self, id: &str) -> &Asset {
        let mut found = self
            .assets
            .iter()
            .filter(|asset| asset.key.native_id.split_once('/').is_some_and(|(_, rest)| rest == id));
        let asset = found.next().unwrap_or_else(|| panic!("{id} is not among {:?}", self.ids()));
        assert!(found.next().is_none(), "{id} came twice");
        asset
    }

    pub fn repository(&self, id: &str) -> &RepositoryFacts {
        match &self.asset(id).facts {
            Facts::Repository(facts) => facts,
            other => panic!("{id} is no repository: {other:?}"),
        }
    }

    pub fn image(&self, id: &str) -> &ImageFacts {
        match &self.asset(id).facts {
            Facts::Image(facts) => facts,
            other => panic!("{id} is no image: {other:?}"),
        }
    }

    pub fn ids(&self) -> Vec<&str> {
        self.assets.iter().map(|asset| asset.key.native_id.as_str()).collect()
    }

    pub fn codes(&self) -> Vec<&str> {
        self.gaps.iter().map(|gap| gap.code.as_str()).collect()
    }
}

/// Runs the collector once.
pub async fn collect(spec: &RegistrySpec) -> Result<Found, CollectError> {
    let collector = OciCollector::new(spec, FingerprintKey::new([1; 32])).await?;
    let (run, mut events) = RunBuilder::channel(16);
    let reading = async {
        let outcome = collector.collect(&run).await;
        drop(run);
        outcome
    };
    let gathering = async {
        let mut found = Found::default();
        while let Some(event) = events.recv().await {
            match event {
                Event::Asset(asset, _) => found.assets.push(*asset),
                Event::Gap(gap) => found.gaps.push(gap),
                Event::Progress(_) | Event::Ask(_) | Event::Seen(_) => {}
            }
        }
        found
    };
    let (outcome, found) = tokio::join!(reading, gathering);
    outcome.map(|()| found)
}
