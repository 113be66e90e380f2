//! The carried table parses, and every spelling sources use finds its entry.

use proptest::prelude::*;

use super::*;

fn on(year: i32, month: u32, day: u32) -> EndOfLife {
    EndOfLife::On(NaiveDate::from_ymd_opt(year, month, day).expect("a real day"))
}

#[test]
fn the_table_is_there() {
    assert!(TABLE.products.len() > 25 && snapshot() >= "2026-08-22");
    assert!(TABLE.products["aws-lambda"].len() > 40);
}

#[test]
fn lambda_runtimes_end_on_the_day_patches_stop() {
    assert_eq!(lambda_runtime("python3.9").end_of_life, on(2025, 12, 15));
    assert_eq!(lambda_runtime("nodejs20.x").end_of_life, on(2026, 4, 30));
    assert_eq!(lambda_runtime("provided.al2023").end_of_life, on(2029, 6, 30));
    assert_eq!(lambda_runtime("dotnet7").end_of_life, on(2024, 5, 14));
    assert_eq!(lambda_runtime("cobol85").end_of_life, EndOfLife::NotListed);
}

#[test]
fn azure_stacks_in_every_spelling() {
    let end = |text: &str| azure_stack(text).map(|runtime| runtime.end_of_life);
    assert_eq!(end("Python|3.9"), Some(on(2025, 10, 31)));
    assert_eq!(end("PYTHON|3.11"), Some(on(2027, 10, 31)));
    assert_eq!(end("Node|18"), Some(on(2025, 4, 30)));
    assert_eq!(end("node|~20"), Some(on(2026, 4, 30)));
    assert_eq!(end("DOTNET-ISOLATED|8.0"), Some(on(2026, 11, 10)));
    assert_eq!(end("DOTNET|6.0"), Some(on(2024, 11, 12)));
    assert_eq!(end("PowerShell|7.2"), Some(on(2024, 11, 8)));
    assert_eq!(end("Java|17"), Some(on(2027, 10, 31)));
    assert_eq!(end("Java|1.8"), Some(on(2030, 12, 31)));
    assert_eq!(end("v6.0"), Some(on(2024, 11, 12)));
    assert_eq!(end("v4.0"), Some(EndOfLife::Open));
    assert_eq!(end("dotnet-isolated|4.0"), Some(EndOfLife::Open));
    assert_eq!(end("Custom|1"), Some(EndOfLife::NotListed));
    assert_eq!(end("DOCKER|registry.example.com/app:1"), None);
    assert_eq!(end(""), None);
}

#[test]
fn base_images_in_every_spelling() {
    assert_eq!(base_image("debian:12"), on(2028, 6, 30));
    assert_eq!(base_image("debian:bullseye-slim"), on(2026, 8, 31));
    assert_eq!(base_image("ubuntu 22.04"), on(2027, 4, 1));
    assert_eq!(base_image("ubuntu:focal"), on(2025, 5, 31));
    assert_eq!(base_image("alpine:3.15.4"), on(2023, 11, 1));
    assert_eq!(base_image("docker.io/library/python:3.8-slim"), on(2024, 10, 7));
    assert_eq!(base_image("python:3.12-slim-buster"), on(2024, 6, 30));
    assert_eq!(base_image("node:24-alpine3.15"), on(2023, 11, 1));
    assert_eq!(base_image("amazonlinux:2"), on(2026, 6, 30));
    assert_eq!(base_image("registry.example.com:5000/debian"), EndOfLife::NotListed);
    assert_eq!(base_image("centos:7"), on(2024, 6, 30));
    assert_eq!(base_image("quay.io/centos/centos:stream8"), on(2024, 5, 31));
    assert_eq!(base_image("registry.example.com/ubi8/ubi:8.9"), on(2029, 5, 31));
    assert_eq!(base_image("registry.example.com/ubi7"), on(2024, 6, 30));
    assert_eq!(base_image("scratch"), EndOfLife::NotListed);
    assert_eq!(base_image("debian:latest"), EndOfLife::NotListed);
}

proptest! {
    #[test]
    fn no_spelling_breaks_it(text in "\\PC{0,60}") {
        let _ = (base_image(&text), azure_stack(&text), lambda_runtime(&text));
    }
}
