//! An ECR repository of the sample estate.

use serde_json::{Map, Value, json};

use super::policy;
use crate::demo::estate::{ACCOUNTS, Estate, Thing, before, ecr_images};
use crate::demo::image::{Digests, Image};
use crate::demo::names::{self, Service, TEAMS};
use crate::demo::seed::Draw;

/// What a change may touch: an image is pushed and `latest` follows it, a release is built again
/// under its old tag, or a setting moves.
const MOVING: &[&str] = &["push", "push", "rebuild", "tags", "lifecycle", "scanning", "policy"];

/// A repository.
#[derive(Debug, Clone)]
pub struct Repository {
    account: usize,
    region: String,
    service: Service,
    thing: Thing,
}

impl Repository {
    /// The repository with number `index` of an account in a region.
    pub fn new(estate: &Estate, account: usize, region: &str, index: u64) -> Self {
        let place = estate.root().at("ecr").at(ACCOUNTS[account].id).at(region).nth(index);
        let thing = estate.thing(place, MOVING);
        Self { account, region: region.into(), service: Service::nth(index), thing }
    }

    /// What a change touched on `day`, if one did.
    pub fn touched(&self, day: u32) -> Option<&'static str> {
        self.thing.touched(day)
    }

    /// Finds a repository by its name.
    pub fn find(estate: &Estate, account: usize, region: &str, name: &str) -> Option<Self> {
        let service = Service::parse(name.rsplit('/').next()?)?;
        let index = service.index();
        (index < estate.ecr_repositories(account, region))
            .then(|| Self::new(estate, account, region, index))
            .filter(|found| found.name() == name)
    }

    fn draw(&self, facet: &str) -> Draw {
        self.thing.draw(facet)
    }

    /// Its name: team and service.
    pub fn name(&self) -> String {
        format!("{}/{}", TEAMS[self.service.team()], self.service)
    }

    /// Its ARN.
    pub fn arn(&self) -> String {
        format!("arn:aws:ecr:{}:{}:repository/{}", self.region, ACCOUNTS[self.account].id, self.name())
    }

    /// Its address, without tag.
    pub fn uri(&self) -> String {
        format!("{}.dkr.ecr.{}.amazonaws.com/{}", ACCOUNTS[self.account].id, self.region, self.name())
    }

    /// Its settings, as lists show them.
    pub fn description(&self) -> Value {
        let careless = self.service.carelessness();
        let mutability =
            if self.draw("mutability").chance(36.0 * careless.min(2.0)) { "MUTABLE" } else { "IMMUTABLE" };
        let own_key = self.draw("key").chance(55.0);
        let mut encryption = json!({ "encryptionType": if own_key { "KMS" } else { "AES256" } });
        if own_key {
            let (region, account) = (&self.region, ACCOUNTS[self.account].id);
            encryption["kmsKey"] =
                format!("arn:aws:kms:{region}:{account}:key/{}", self.draw("key").uuid()).into();
        }
        json!({ "repositoryArn": self.arn(), "registryId": ACCOUNTS[self.account].id,
            "repositoryName": self.name(), "repositoryUri": self.uri(),
            "createdAt": before(&mut self.draw("created"), 900).timestamp(), "imageTagMutability": mutability,
            "imageScanningConfiguration": { "scanOnPush": self.scans() }, "encryptionConfiguration": encryption })
    }

    fn scans(&self) -> bool {
        !self.draw("scanning").chance(31.0 * self.service.carelessness().min(2.0))
    }

    /// Its policy, where it has one.
    pub fn policy(&self) -> Option<Value> {
        policy::repository(&mut self.draw("policy"), self.service.carelessness())
    }

    /// Reading its policy is refused to us.
    pub fn hides_policy(&self) -> bool {
        self.draw("hides-policy").chance(2.5)
    }

    /// Its lifecycle rules, where it has any.
    pub fn lifecycle(&self) -> Option<Value> {
        (!self.draw("lifecycle").chance(34.0 * self.service.carelessness().min(2.0))).then(|| {
            json!({ "rules": [{ "rulePriority": 1, "action": { "type": "expire" },
                "selection": { "tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 30 } }] })
        })
    }

    /// Its tags.
    pub fn tags(&self) -> Vec<Value> {
        let tags = names::tags(&self.thing, self.service, ACCOUNTS[self.account].alias);
        tags.into_iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect()
    }

    /// How many images it holds.
    pub fn images(&self) -> u64 {
        ecr_images(self.thing.place) + self.thing.times("push")
    }

    /// Image number `number`; the first may have been built again under its old tag.
    pub fn image(&self, number: u64) -> Image {
        Image::new(
            self.thing.place,
            self.service,
            number,
            self.thing.born(number, ecr_images(self.thing.place)),
        )
    }

    /// The image pushed last.
    pub fn newest(&self) -> Image {
        self.image(self.images() - 1)
    }

    /// The repository as it was on `day`.
    pub fn until(&self, day: u32) -> Self {
        Self { thing: self.thing.until(day), ..self.clone() }
    }

    /// Tags that point to an image.
    pub fn image_tags(&self, number: u64) -> Vec<String> {
        let mut tags = vec![self.image(number).version_tag()];
        if number + 1 == self.images() {
            tags.push("latest".into());
        }
        tags
    }

    /// An image as `DescribeImages` shows it.
    pub fn image_detail(&self, number: u64, digests: &Digests) -> Value {
        let image = self.image(number);
        let pushed = image.pushed_at().timestamp();
        let mut detail = json!({ "registryId": ACCOUNTS[self.account].id, "repositoryName": self.name(),
            "imageDigest": image.digest(digests), "imageTags": self.image_tags(number), "imageSizeInBytes": image.size(),
            "imagePushedAt": pushed, "imageManifestMediaType": image.media_type(),
            "artifactMediaType": "application/vnd.oci.image.config.v1+json" });
        if let (true, Some(fields)) = (self.scans() && !image.is_index(), detail.as_object_mut()) {
            self.add_scan(number, pushed, fields);
        }
        detail
    }

    fn add_scan(&self, number: u64, pushed: i64, fields: &mut Map<String, Value>) {
        let mut draw = self.thing.place.at("scan").nth(number).draw("findings");
        let mut counts = json!({ "MEDIUM": draw.below(40), "LOW": draw.below(90) });
        if draw.chance(18.0 * self.service.carelessness()) {
            counts["CRITICAL"] = (1 + draw.below(4)).into();
        }
        if draw.chance(30.0) {
            counts["HIGH"] = (1 + draw.below(12)).into();
        }
        fields.insert("imageScanStatus".into(), json!({ "status": "COMPLETE", "description": "" }));
        fields.insert(
            "imageScanFindingsSummary".into(),
            json!({ "imageScanCompletedAt": pushed + 60, "vulnerabilitySourceUpdatedAt": pushed,
                "findingSeverityCounts": counts }),
        );
    }
}
