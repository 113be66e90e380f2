//! A Lambda function of the sample estate: what is true of it today, in the service's own words.

mod beside;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::policy::{self, PARTNER};
use super::repository::Repository;
use super::role::{Role, SHARED_PER_TEAM};
use crate::demo::estate::{ACCOUNTS, Estate, Thing, on};
use crate::demo::names::{self, DOMAINS, Service};
use crate::demo::{json::object, secrets, seed::Draw};

/// What a change may touch.
const MOVING: &[&str] = &[
    "tags",
    "tracing",
    "reserved",
    "environment",
    "url",
    "memory",
    "failures",
    "code",
    "policy",
    "recursion",
    "runtime-updates",
];

const RUNTIMES: [(u32, &str); 14] = [
    (22, "python3.12"),
    (10, "python3.13"),
    (24, "nodejs22.x"),
    (5, "nodejs24.x"),
    (5, "nodejs20.x"),
    (4, "nodejs18.x"),
    (9, "java21"),
    (3, "java11"),
    (6, "dotnet8"),
    (4, "python3.9"),
    (2, "python3.8"),
    (1, "go1.x"),
    (7, "provided.al2023"),
    (2, "ruby3.3"),
];

/// A function.
#[derive(Debug, Clone)]
pub struct Function<'a> {
    estate: &'a Estate,
    account: usize,
    region: &'a str,
    /// The service it implements; its name.
    pub service: Service,
    thing: Thing,
}

impl<'a> Function<'a> {
    /// The function with number `index` of an account in a region.
    pub fn new(estate: &'a Estate, account: usize, region: &'a str, index: u64) -> Self {
        let place = estate.root().at("lambda").at(ACCOUNTS[account].id).at(region).nth(index);
        let thing = estate.thing(place, MOVING);
        Self { estate, account, region, service: Service::nth(index), thing }
    }

    /// Finds a function by its name or ARN.
    pub fn find(estate: &'a Estate, account: usize, region: &'a str, name: &str) -> Option<Self> {
        let name = name.split_once(":function:").map_or(name, |(_, rest)| rest);
        let service = Service::parse(name.split(':').next()?)?;
        let index = service.index();
        (index < estate.functions(account, region)).then(|| Self::new(estate, account, region, index))
    }

    /// What a change touched on `day`, if one did.
    pub fn touched(&self, day: u32) -> Option<&'static str> {
        self.thing.touched(day)
    }

    fn draw(&self, facet: &str) -> Draw {
        self.thing.draw(facet)
    }

    fn careless(&self) -> f64 {
        self.service.carelessness()
    }

    fn account_id(&self) -> &'static str {
        ACCOUNTS[self.account].id
    }

    fn resource(&self, service: &str, rest: &str) -> String {
        format!("arn:aws:{service}:{}:{}:{rest}", self.region, self.account_id())
    }

    /// Its ARN.
    pub fn arn(&self) -> String {
        self.resource("lambda", &format!("function:{}", self.service))
    }

    /// It runs as a role that others of its team run as too.
    pub fn shares_role(&self) -> bool {
        self.draw("shares-role").chance(26.0 * self.careless().min(2.0))
    }

    fn role(&self) -> Role {
        if self.shares_role() {
            let number = self.draw("shared-role").below(SHARED_PER_TEAM);
            return Role::shared(self.estate, self.account, self.service.team(), number);
        }
        Role::own(self.estate, self.account, self.service, self.region)
    }

    /// Its code is a container image.
    pub fn runs_image(&self) -> bool {
        self.estate.ecr_repositories(self.account, self.region) > 0 && self.draw("package").chance(13.0)
    }

    /// Which call on it we are refused, if any.
    pub fn refused_call(&self) -> Option<&'static str> {
        let mut draw = self.draw("refused");
        draw.chance(1.6).then(|| *draw.pick(&["GetPolicy", "ListFunctionUrlConfigs", "GetFunction"]))
    }

    /// `FunctionConfiguration`, as lists show it.
    pub fn configuration(&self) -> Value {
        let (name, mut size) = (self.service.to_string(), self.draw("memory"));
        let timeout = self.draw("timeout").weighted(&[(3, 3), (6, 10), (8, 30), (5, 60), (3, 300), (2, 900)]);
        let mut config = json!({
            "FunctionName": name, "FunctionArn": self.arn(), "Role": self.role().arn(),
            "CodeSize": 40_000 + self.draw("size").below(9_000_000), "Timeout": timeout,
            "Description": "", "MemorySize": size.pick(&[128, 256, 256, 512, 512, 1024, 2048]),
            "LastModified": self.modified_at().format("%Y-%m-%dT%H:%M:%S%.3f+0000").to_string(),
            "CodeSha256": self.code_digest(), "Version": "$LATEST",
            "TracingConfig": { "Mode": self.tracing() }, "RevisionId": self.draw("code").uuid(),
            "Architectures": [self.draw("architecture").weighted(&[(13, "x86_64"), (7, "arm64")])],
            "EphemeralStorage": { "Size": self.draw("scratch").weighted(&[(94, 512), (4, 2048), (2, 10240)]) },
            "SnapStart": { "ApplyOn": "None", "OptimizationStatus": "Off" },
            "LoggingConfig": { "LogFormat": self.draw("log-format").weighted(&[(3, "Text"), (2, "JSON")]),
                "LogGroup": format!("/aws/lambda/{name}") },
        });
        if let Some(fields) = config.as_object_mut() {
            self.add_package(fields);
            self.add_environment(fields);
            self.add_network(fields);
            self.add_extras(fields);
        }
        config
    }

    /// Tags, policies, URLs and limits hang on a function; they are no part of its configuration.
    fn modified_at(&self) -> DateTime<Utc> {
        let configured = |facet: &str| matches!(facet, "tracing" | "environment" | "memory" | "code");
        self.thing.changed_in(&configured, 700)
    }

    fn tracing(&self) -> &'static str {
        if self.draw("tracing").chance(38.0 * self.careless().min(2.0)) { "PassThrough" } else { "Active" }
    }

    fn code_digest(&self) -> String {
        format!(
            "{}=",
            self.draw("code").text(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", 43)
        )
    }

    fn add_package(&self, fields: &mut Map<String, Value>) {
        if self.runs_image() {
            fields.insert("PackageType".into(), "Image".into());
            return;
        }
        let runtime = self.draw("runtime").weighted(&RUNTIMES);
        fields.insert("PackageType".into(), "Zip".into());
        fields.insert("Runtime".into(), runtime.into());
        fields.insert("Handler".into(), "index.handler".into());
    }

    fn add_environment(&self, fields: &mut Map<String, Value>) {
        let variables = self.environment();
        if variables.is_empty() {
            return;
        }
        fields.insert("Environment".into(), object([("Variables", variables.into())]));
        if self.draw("key").chance(58.0) {
            let key = self.resource("kms", &format!("key/{}", self.draw("key").uuid()));
            fields.insert("KMSKeyArn".into(), key.into());
        }
    }

    fn environment(&self) -> Map<String, Value> {
        let (mut draw, domain) = (self.draw("environment"), DOMAINS[self.service.domain]);
        let mut found = Map::new();
        let mut add = |name: &str, value: String| found.insert(name.into(), value.into());
        add("LOG_LEVEL", (*draw.pick(&["info", "info", "warn", "debug"])).into());
        add("STAGE", ACCOUNTS[self.account].alias.into());
        if draw.chance(60.0) {
            add("TABLE_NAME", format!("{domain}-{}", ACCOUNTS[self.account].alias));
        }
        if draw.chance(30.0) {
            add(
                "QUEUE_URL",
                format!("https://sqs.{}.amazonaws.com/{}/{domain}-jobs", self.region, self.account_id()),
            );
        }
        if draw.chance(45.0) {
            add(
                "DB_PASSWORD_SECRET_ARN",
                self.resource("secretsmanager", &format!("secret:{domain}/db-{}", draw.hex(6))),
            );
        }
        if draw.chance(25.0) {
            add("API_TOKEN_PARAMETER", format!("/{domain}/api/token"));
        }
        if draw.chance(35.0) {
            add("FEATURE_NEW_TOKEN_FLOW", if draw.chance(50.0) { "true" } else { "false" }.into());
        }
        if draw.chance(8.0 * self.careless()) {
            let (name, value) = secrets::variable(&mut draw);
            add(name, value);
        }
        found
    }

    fn add_network(&self, fields: &mut Map<String, Value>) {
        let mut draw = self.draw("network");
        if !draw.chance(63.0) {
            return;
        }
        let zones = if draw.chance(18.0 * self.careless()) { 1 } else { 2 + draw.below(2) };
        let team = self.estate.root().at("vpc").at(self.account_id()).at(self.region);
        let subnets: Vec<String> = (0..zones)
            .map(|zone| format!("subnet-0{}", team.at("subnet").nth(zone).draw("id").hex(16)))
            .collect();
        fields.insert(
            "VpcConfig".into(),
            json!({ "VpcId": format!("vpc-0{}", team.draw("id").hex(16)), "SubnetIds": subnets,
                "SecurityGroupIds": [format!("sg-0{}", draw.hex(16))], "Ipv6AllowedForDualStack": false }),
        );
    }

    fn add_extras(&self, fields: &mut Map<String, Value>) {
        let mut draw = self.draw("failures");
        if draw.chance(34.0) {
            let queue = self.resource("sqs", &format!("{}-dead", DOMAINS[self.service.domain]));
            fields.insert("DeadLetterConfig".into(), json!({ "TargetArn": queue }));
        }
        let layers = self.layers();
        if !layers.is_empty() && !self.runs_image() {
            fields.insert("Layers".into(), layers.into());
        }
    }

    fn layers(&self) -> Vec<Value> {
        let mut draw = self.draw("layers");
        let mut found = Vec::new();
        if draw.chance(38.0) {
            let name = draw.pick(&["shared-logging", "http-client", "domain-model"]);
            found.push(self.resource("lambda", &format!("layer:{name}:{}", 1 + draw.below(40))));
        }
        if draw.chance(7.0 * self.careless()) {
            let publisher = if draw.chance(50.0) { PARTNER } else { "911207345586" };
            found.push(format!(
                "arn:aws:lambda:{}:{publisher}:layer:apm-agent:{}",
                self.region,
                1 + draw.below(90)
            ));
        }
        found.into_iter().map(|arn| json!({ "Arn": arn, "CodeSize": 400_000 })).collect()
    }

    /// `FunctionCodeLocation`.
    pub fn code(&self) -> Value {
        if !self.runs_image() {
            return json!({ "RepositoryType": "S3",
                "Location": format!("https://awslambda-{0}-tasks.s3.{0}.amazonaws.com/snapshots/{1}", self.region, self.service) });
        }
        let mut draw = self.draw("image");
        let count = self.estate.ecr_repositories(self.account, self.region);
        let repository = Repository::new(self.estate, self.account, self.region, draw.below(count));
        // What a tag names is looked up when code is deployed, and not again.
        let repository = repository.until(self.thing.last("code"));
        let (uri, digest) = (repository.uri(), repository.newest().digest(self.estate.digests()));
        let pinned = draw.chance(45.0);
        let image = if pinned { format!("{uri}@{digest}") } else { format!("{uri}:latest") };
        json!({ "RepositoryType": "ECR", "ImageUri": image, "ResolvedImageUri": format!("{uri}@{digest}") })
    }

    /// Its tags.
    pub fn tags(&self) -> Map<String, Value> {
        let tags = names::tags(&self.thing, self.service, ACCOUNTS[self.account].alias);
        tags.into_iter().map(|(key, value)| (key.to_string(), value.into())).collect()
    }

    /// Reserved concurrency, where it has any.
    pub fn reserved(&self) -> Option<u64> {
        let mut draw = self.draw("reserved");
        (!draw.chance(36.0 * self.careless().min(2.0))).then(|| *draw.pick(&[5, 10, 20, 50, 100]))
    }

    /// Its URL configuration, where it has one.
    pub fn url(&self) -> Option<Value> {
        let mut draw = self.draw("url");
        if !draw.chance(24.0) {
            return None;
        }
        let auth = if draw.chance(30.0 * self.careless()) { "NONE" } else { "AWS_IAM" };
        let id = self.draw("url-id").text(b"abcdefghijklmnopqrstuvwxyz234567", 32);
        let mut url = json!({ "FunctionUrl": format!("https://{id}.lambda-url.{}.on.aws/", self.region),
            "FunctionArn": self.arn(), "AuthType": auth, "CreationTime": "2026-03-04T10:20:30.000Z",
            "LastModifiedTime": "2026-03-04T10:20:30.000Z", "InvokeMode": "BUFFERED" });
        if draw.chance(65.0) {
            let any = draw.chance(32.0 * self.careless());
            let origin = if any {
                "*".into()
            } else {
                format!("https://{}.example.com", DOMAINS[self.service.domain])
            };
            url["Cors"] = json!({ "AllowOrigins": [origin], "AllowMethods": ["GET", "POST"],
                "AllowCredentials": !any && draw.chance(50.0), "MaxAge": 300 });
        }
        Some(url)
    }

    /// Its resource policy, where it has one; a URL open to all needs one that says so.
    pub fn policy(&self) -> Option<Value> {
        let arn = self.arn();
        let mut draw = self.draw("policy");
        let mut document = policy::invoke(&mut draw, self.careless(), self.account_id(), &arn);
        // Where callers go through an alias, it is the alias that has the policy.
        document = document.filter(|_| self.aliases().is_empty());
        if self.url().is_some_and(|url| url["AuthType"] == "NONE") {
            let statement = json!({ "Sid": "FunctionURLAllowPublicAccess", "Effect": "Allow", "Principal": "*",
                "Action": "lambda:InvokeFunctionUrl", "Resource": arn,
                "Condition": { "StringEquals": { "lambda:FunctionUrlAuthType": "NONE" } } });
            let whole = document.get_or_insert_with(|| policy::document(&json!([])));
            if let Some(statements) = whole["Statement"].as_array_mut() {
                statements.push(statement);
            }
        }
        document
    }

    /// Its asynchronous invocation settings, where it has any.
    pub fn async_settings(&self) -> Option<Value> {
        let mut draw = self.draw("failures");
        let (_dead_letters, destination) = (draw.bits(), draw.chance(42.0));
        destination.then(|| {
            let queue = self.resource("sqs", &format!("{}-failed", DOMAINS[self.service.domain]));
            json!({ "FunctionArn": format!("{}:$LATEST", self.arn()), "MaximumRetryAttempts": 1,
                "MaximumEventAgeInSeconds": 3600, "LastModified": self.thing.changed_at(700).timestamp(),
                "DestinationConfig": { "OnSuccess": {}, "OnFailure": { "Destination": queue } } })
        })
    }

    /// The queue, table or stream it reads from, where it reads from one.
    pub fn event_source(&self) -> Option<Value> {
        let mut draw = self.draw("event-source");
        if !draw.chance(34.0) {
            return None;
        }
        let domain = DOMAINS[self.service.domain];
        let source = match draw.below(3) {
            0 => self.resource("dynamodb", &format!("table/{domain}/stream/2026-01-01T00:00:00.000")),
            1 => self.resource("kinesis", &format!("stream/{domain}-events")),
            _ => self.resource("sqs", &format!("{domain}-jobs")),
        };
        let target = if self.aliases().is_empty() { self.arn() } else { format!("{}:live", self.arn()) };
        Some(json!({ "UUID": draw.uuid(), "BatchSize": 10, "EventSourceArn": source, "FunctionArn": target,
            "State": "Enabled", "LastModified": on(0).timestamp() }))
    }

    /// Invocations in a day and the longest run in milliseconds; none where it sleeps.
    pub fn activity(&self) -> Option<(f64, f64)> {
        let mut draw = self.draw("activity");
        if draw.chance(11.0) {
            return None;
        }
        let daily = (1 + draw.below(90)) * 10_u64.pow(u32::try_from(draw.below(4)).unwrap_or_default());
        Some((daily as f64, (20 + draw.below(2_800)) as f64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::eol;
    use crate::model::EndOfLife;

    #[test]
    fn the_end_of_every_runtime_is_in_our_table() {
        for (_, runtime) in RUNTIMES {
            assert_ne!(eol::lambda_runtime(runtime).end_of_life, EndOfLife::NotListed, "{runtime}");
        }
    }
}
