//! The execution roles of a sample account: one per function, or one shared by a team.

use serde_json::{Value, json};

use super::function::Function;
use super::policy;
use crate::demo::estate::{ACCOUNTS, Estate};
use crate::demo::names::{Service, TEAMS};
use crate::demo::seed::Place;

/// Shared roles of each team.
pub const SHARED_PER_TEAM: u64 = 3;

/// A role of an account.
#[derive(Debug, Clone)]
pub struct Role {
    account: usize,
    /// Its name, unique in the account.
    pub name: String,
    region: String,
    team: usize,
    careless: f64,
    place: Place,
}

impl Role {
    /// The role shared by a team.
    pub fn shared(estate: &Estate, account: usize, team: usize, number: u64) -> Self {
        let name = format!("{}-shared-{}", TEAMS[team], number + 1);
        let region = ACCOUNTS[account].regions[0].name;
        let service = Service { domain: team, action: 0, copy: 0 };
        Self::new(estate, account, name, region, service)
    }

    /// The role of one service in one region.
    pub fn own(estate: &Estate, account: usize, service: Service, region: &str) -> Self {
        Self::new(estate, account, format!("{service}-role-{region}"), region, service)
    }

    /// Finds a role by name.
    pub fn find(estate: &Estate, account: usize, name: &str) -> Option<Self> {
        if let Some((service, region)) = name.split_once("-role-") {
            let service = Service::parse(service)?;
            return (service.index() < estate.functions(account, region))
                .then(|| Self::own(estate, account, service, region));
        }
        let (team, number) = name.split_once("-shared-")?;
        let team = TEAMS.iter().position(|word| *word == team)?;
        let number = number.parse::<u64>().ok().filter(|number| (1..=SHARED_PER_TEAM).contains(number))?;
        let role = Self::shared(estate, account, team, number - 1);
        (role.name == name).then_some(role)
    }

    /// How many positions [`Role::at`] knows.
    pub fn positions(estate: &Estate, account: usize) -> u64 {
        let functions = ACCOUNTS[account].regions.iter().map(|one| estate.functions(account, one.name));
        TEAMS.len() as u64 * SHARED_PER_TEAM + functions.sum::<u64>()
    }

    /// The role at a position; a function that shares its team's role leaves its position empty.
    pub fn at(estate: &Estate, account: usize, position: u64) -> Option<Self> {
        let shared = TEAMS.len() as u64 * SHARED_PER_TEAM;
        if position < shared {
            let team = usize::try_from(position / SHARED_PER_TEAM).ok()?;
            return Some(Self::shared(estate, account, team, position % SHARED_PER_TEAM));
        }
        let mut rest = position - shared;
        for region in ACCOUNTS[account].regions {
            let here = estate.functions(account, region.name);
            if rest < here {
                let function = Function::new(estate, account, region.name, rest);
                return (!function.shares_role())
                    .then(|| Self::own(estate, account, function.service, region.name));
            }
            rest -= here;
        }
        None
    }

    fn new(estate: &Estate, account: usize, name: String, region: &str, service: Service) -> Self {
        let place = estate.root().at("role").at(ACCOUNTS[account].id).at(&name);
        let (team, careless) = (service.team(), service.carelessness());
        Self { account, name, region: region.into(), team, careless, place }
    }

    /// Its ARN.
    pub fn arn(&self) -> String {
        format!("arn:aws:iam::{}:role/service-role/{}", ACCOUNTS[self.account].id, self.name)
    }

    /// Its id, as IAM makes them.
    pub fn id(&self) -> String {
        format!("AROA{}", self.place.draw("id").text(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 17))
    }

    /// Who may take it on.
    pub fn trust() -> Value {
        policy::document(&json!([{ "Effect": "Allow", "Action": "sts:AssumeRole",
            "Principal": { "Service": "lambda.amazonaws.com" } }]))
    }

    /// Its policies may not be read by us.
    pub fn hidden(&self, estate: &Estate) -> bool {
        !estate.lists_roles(self.account) && self.place.draw("hidden").chance(5.0)
    }

    /// Its inline policies.
    pub fn inline(&self) -> Vec<(&'static str, Value)> {
        let mut draw = self.place.draw("inline");
        let account = ACCOUNTS[self.account].id;
        let mut policies = vec![("app", policy::scoped(&mut draw, account, &self.region, TEAMS[self.team]))];
        let name = draw.weighted(&policy::EXCESSES);
        if draw.chance(62.0 * self.careless)
            && let Some(document) = policy::excess(name)
        {
            policies.push((name, document));
        }
        policies
    }

    /// Names of the AWS managed policies attached to it.
    pub fn attached(&self) -> Vec<&'static str> {
        let mut draw = self.place.draw("attached");
        let mut names = vec![
            draw.weighted(&[(3, "AWSLambdaBasicExecutionRole"), (2, "AWSLambdaVPCAccessExecutionRole")]),
        ];
        if draw.chance(60.0) {
            names.push("AWSXRayDaemonWriteAccess");
        }
        if draw.chance(12.0 * self.careless) {
            names.push(draw.weighted(&[
                (4, "AmazonS3FullAccess"),
                (4, "AmazonDynamoDBFullAccess"),
                (3, "AmazonSQSFullAccess"),
                (2, "AdministratorAccess"),
            ]));
        }
        names
    }

    /// The customer managed policy its team attaches, if any: name, ARN.
    pub fn customer_managed(&self) -> Option<(String, String)> {
        self.place.draw("customer").chance(20.0).then(|| {
            let name = format!("{}-data-access", TEAMS[self.team]);
            let arn = format!("arn:aws:iam::{}:policy/{name}", ACCOUNTS[self.account].id);
            (name, arn)
        })
    }
}

/// The document of a team's customer managed policy.
pub fn customer_document(account: usize, name: &str) -> Option<Value> {
    let team = name.strip_suffix("-data-access").filter(|team| TEAMS.contains(team))?;
    let bucket = format!("arn:aws:s3:::{team}-data-{}", ACCOUNTS[account].id);
    Some(policy::document(&json!([
        policy::allow(&["s3:ListBucket"], &bucket),
        policy::allow(&["s3:GetObject", "s3:PutObject"], &format!("{bucket}/*")),
        policy::allow(&["kms:Decrypt"], &format!("arn:aws:kms:*:{}:key/*", ACCOUNTS[account].id)),
    ])))
}
