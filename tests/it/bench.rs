//! The parts of the measurements that can go wrong unseen: the account that is filled, and the calls
//! that are made again.

use aws_sdk_lambda::config::Credentials;
use parallax::analysis::secrets::FingerprintKey;
use parallax::bench::{Moto, Recorder, ask, replay};
use parallax::collect;
use parallax::demo::{SampleCloud, Shape};
use parallax::model::{ConnectionSpec, RegistrySpec};

#[tokio::test]
async fn the_account_holds_what_was_asked_for() {
    let moto = Moto::start().await.expect("moto_server: name it in PARALLAX_TEST_MOTO");
    moto.fill(12, 3).await.expect("a filled account");
    let config = aws_config::defaults(aws_config::BehaviorVersion::latest())
        .region("eu-west-1")
        .credentials_provider(Credentials::new("sample", "sample", None, None, "test"))
        .endpoint_url(&moto.address)
        .load()
        .await;
    let functions = aws_sdk_lambda::Client::new(&config).list_functions().send().await.expect("functions");
    assert_eq!(functions.functions().len(), 12);
    let ecr = aws_sdk_ecr::Client::new(&config);
    assert_eq!(ecr.describe_repositories().send().await.expect("repositories").repositories().len(), 3);
    let images = ecr.describe_images().repository_name("team/app-2").send().await.expect("images");
    assert_eq!(images.image_details().len(), 2);
    let roles = aws_sdk_iam::Client::new(&config).list_roles().send().await.expect("roles");
    assert_eq!(roles.roles().len(), 6);
}

#[tokio::test]
async fn a_collectors_calls_are_recorded_and_made_again() {
    let shape = Shape { assets: 100, throttle_every: 0, ..Shape::default() };
    let cloud = SampleCloud::start(shape).await.expect("a free port on loopback");
    let target = format!("http://{}", cloud.address());
    let recorder = Recorder::start(&target).await.expect("a free port on loopback");
    let spec =
        RegistrySpec { address: recorder.address.to_string(), plain_http: true, ..RegistrySpec::default() };
    collect::open(&ConnectionSpec::Registry(spec), FingerprintKey::new([1; 32])).await.expect("a collector");
    let (calls, before) = (recorder.calls(), cloud.requests());
    assert!(!calls.is_empty());
    let (_, failed) = replay(&target, &calls, 8).await;
    assert_eq!((failed, cloud.requests() - before), (0, calls.len() as u64));
}

#[tokio::test]
async fn a_page_that_is_not_there_is_counted_as_failed() {
    let shape = Shape { assets: 100, throttle_every: 0, ..Shape::default() };
    let cloud = SampleCloud::start(shape).await.expect("a free port on loopback");
    let client = reqwest::Client::new();
    let good = ask(&client, &format!("http://{}/v2/", cloud.address()), 10, 200).await;
    assert_eq!((good.times.len(), good.failed), (10, 0));
    let bad = ask(&client, &format!("http://{}/v2/nothing", cloud.address()), 10, 200).await;
    assert_eq!((bad.times.len(), bad.failed), (10, 10));
}
