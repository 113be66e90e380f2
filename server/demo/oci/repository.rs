//! A repository of the sample registry.

use crate::demo::estate::{Estate, Thing, oci_images};
use crate::demo::image::{Blob, Image};
use crate::demo::names::{Service, TEAMS};

/// What a change may touch: an image is pushed and `latest` follows it, or a release is built again
/// under its old tag.
const MOVING: &[&str] = &["push", "push", "rebuild"];

/// A repository.
#[derive(Debug, Clone)]
pub struct Repository {
    service: Service,
    thing: Thing,
}

impl Repository {
    /// The repository with number `index`.
    pub fn new(estate: &Estate, index: u64) -> Self {
        let thing = estate.thing(estate.root().at("oci").nth(index), MOVING);
        Self { service: Service::nth(index), thing }
    }

    /// Finds a repository by its name.
    pub fn find(estate: &Estate, name: &str) -> Option<Self> {
        let service = Service::parse(name.rsplit('/').next()?)?;
        (service.index() < estate.oci_repositories())
            .then(|| Self::new(estate, service.index()))
            .filter(|found| found.name() == name)
    }

    /// Its number.
    pub fn index(&self) -> u64 {
        self.service.index()
    }

    /// Its name: team and service.
    pub fn name(&self) -> String {
        format!("{}/{}", TEAMS[self.service.team()], self.service)
    }

    /// How many images it holds.
    pub fn images(&self) -> u64 {
        oci_images(self.thing.place) + self.thing.times("push")
    }

    fn image(&self, number: u64) -> Image {
        Image::new(
            self.thing.place,
            self.service,
            number,
            self.thing.born(number, oci_images(self.thing.place)),
        )
    }

    /// Its tags and the images they point to, sorted by tag as the API does.
    pub fn tags(&self) -> Vec<(String, u64)> {
        let newest = self.images() - 1;
        let mut tags: Vec<(String, u64)> =
            (0..=newest).map(|number| (self.image(number).version_tag(), number)).collect();
        tags.push(("latest".into(), newest));
        if self.is_stable() {
            tags.push(("stable".into(), newest));
        }
        tags.sort();
        tags
    }

    /// The last day on which it changed.
    pub fn version(&self) -> u32 {
        self.thing.version()
    }

    /// The image a tag names.
    pub fn tagged(&self, tag: &str) -> Option<Image> {
        let newest = self.images() - 1;
        let number = match tag {
            "latest" => newest,
            "stable" if self.is_stable() => newest,
            _ => tag.strip_prefix("1.")?.strip_suffix(".0")?.parse().ok()?,
        };
        (number <= newest)
            .then(|| self.image(number))
            .filter(|image| matches!(tag, "latest" | "stable") || image.version_tag() == tag)
    }

    fn is_stable(&self) -> bool {
        self.thing.place.draw("stable").chance(40.0)
    }

    /// The image with this digest is signed: most of what careful teams push is.
    pub fn is_signed(&self, digest: &str) -> bool {
        !self.thing.place.at(digest).draw("signed").chance(30.0 * self.service.carelessness().min(2.5))
    }

    /// Every manifest and configuration of its images.
    pub fn parts(&self) -> Vec<(&'static str, Blob)> {
        (0..self.images()).flat_map(|number| self.image(number).parts()).collect()
    }
}
