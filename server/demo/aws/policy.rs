//! Policy documents of the sample accounts: what roles may do, who may call what.

use serde_json::{Value, json};

use crate::demo::seed::Draw;

/// The account of a partner that is let in here and there.
pub const PARTNER: &str = "290471836520";

/// AWS managed policies the sample attaches, with what they allow.
pub fn managed(name: &str) -> Option<Value> {
    let logs = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"];
    let network =
        ["ec2:CreateNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DeleteNetworkInterface"];
    let statements = match name {
        "AWSLambdaBasicExecutionRole" => json!([allow(&logs, "*")]),
        "AWSLambdaVPCAccessExecutionRole" => json!([allow(&logs, "*"), allow(&network, "*")]),
        "AWSXRayDaemonWriteAccess" => {
            json!([allow(&["xray:PutTraceSegments", "xray:PutTelemetryRecords"], "*")])
        }
        "AdministratorAccess" => json!([allow(&["*"], "*")]),
        "AmazonS3FullAccess" => json!([allow(&["s3:*", "s3-object-lambda:*"], "*")]),
        "AmazonDynamoDBFullAccess" => json!([allow(&["dynamodb:*", "dax:*"], "*")]),
        "AmazonSQSFullAccess" => json!([allow(&["sqs:*"], "*")]),
        _ => return None,
    };
    Some(document(&statements))
}

/// The ARN of an AWS managed policy.
pub fn managed_arn(name: &str) -> String {
    let folder = if name.starts_with("AWSLambda") { "service-role/" } else { "" };
    format!("arn:aws:iam::aws:policy/{folder}{name}")
}

/// One statement that allows.
pub fn allow(actions: &[&str], resource: &str) -> Value {
    json!({ "Effect": "Allow", "Action": actions, "Resource": resource })
}

/// A whole document.
pub fn document(statements: &Value) -> Value {
    json!({ "Version": "2012-10-17", "Statement": statements })
}

/// What a service needs for its work and no more.
pub fn scoped(draw: &mut Draw, account: &str, region: &str, domain: &str) -> Value {
    let table = format!("arn:aws:dynamodb:{region}:{account}:table/{domain}");
    let mut statements = vec![allow(&["dynamodb:GetItem", "dynamodb:Query", "dynamodb:PutItem"], &table)];
    if draw.chance(50.0) {
        statements.push(allow(&["s3:GetObject"], &format!("arn:aws:s3:::{domain}-{account}/*")));
    }
    if draw.chance(40.0) {
        let queue = format!("arn:aws:sqs:{region}:{account}:{domain}-jobs");
        statements
            .push(allow(&["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"], &queue));
    }
    if draw.chance(35.0) {
        let secret = format!("arn:aws:secretsmanager:{region}:{account}:secret:{domain}/db-??????");
        statements.push(allow(&["secretsmanager:GetSecretValue"], &secret));
    }
    document(&Value::Array(statements))
}

/// Something that goes beyond the work, and how often it is met, in parts. The first is nothing.
pub const EXCESSES: [(u32, &str); 9] = [
    (640, ""),
    (90, "service-wide"),
    (70, "unscoped-writes"),
    (55, "pass-role"),
    (30, "policy-version"),
    (20, "stop-trail"),
    (35, "not-action"),
    (30, "everything"),
    (30, "assume-any"),
];

/// The statements of an excess.
pub fn excess(name: &str) -> Option<Value> {
    let statements = match name {
        "service-wide" => json!([allow(&["s3:*"], "*")]),
        "unscoped-writes" => {
            json!([allow(&["dynamodb:PutItem", "dynamodb:DeleteItem", "s3:DeleteObject"], "*")])
        }
        "pass-role" => {
            json!([allow(&["iam:PassRole", "lambda:CreateFunction", "lambda:InvokeFunction"], "*")])
        }
        "policy-version" => json!([allow(&["iam:CreatePolicyVersion"], "*")]),
        "stop-trail" => json!([allow(&["cloudtrail:StopLogging", "cloudtrail:DeleteTrail"], "*")]),
        "not-action" => {
            json!([{ "Effect": "Allow", "NotAction": ["iam:*", "organizations:*"], "Resource": "*" }])
        }
        "everything" => json!([allow(&["*"], "*")]),
        "assume-any" => json!([allow(&["sts:AssumeRole"], "*")]),
        _ => return None,
    };
    Some(document(&statements))
}

/// The resource policy of a function: who may invoke it. None where there is no policy at all.
pub fn invoke(draw: &mut Draw, careless: f64, account: &str, arn: &str) -> Option<Value> {
    let region = arn.split(':').nth(3).unwrap_or_default();
    let mut statements = Vec::new();
    let mut add = |sid: &str, principal: Value, condition: Option<Value>| {
        let mut statement = json!({ "Sid": sid, "Effect": "Allow", "Principal": principal,
            "Action": "lambda:InvokeFunction", "Resource": arn });
        if let Some(condition) = condition {
            statement["Condition"] = condition;
        }
        statements.push(statement);
    };
    let service = |name: &str| json!({ "Service": name });
    if draw.chance(32.0) {
        let source =
            format!("arn:aws:execute-api:{region}:{account}:{}/*/*", draw.text(b"abcdefghijk0123456789", 10));
        add(
            "apigateway",
            service("apigateway.amazonaws.com"),
            Some(json!({ "ArnLike": { "AWS:SourceArn": source } })),
        );
    }
    if draw.chance(22.0) {
        let condition = (!draw.chance(20.0 * careless)).then(|| {
            json!({ "StringEquals": { "AWS:SourceAccount": account },
                "ArnLike": { "AWS:SourceArn": format!("arn:aws:s3:::uploads-{account}") } })
        });
        add("s3-upload", service("s3.amazonaws.com"), condition);
    }
    if draw.chance(18.0) {
        let rule = format!("arn:aws:events:{region}:{account}:rule/nightly");
        add(
            "schedule",
            service("events.amazonaws.com"),
            Some(json!({ "ArnLike": { "AWS:SourceArn": rule } })),
        );
    }
    if draw.chance(4.0 * careless) {
        add("partner", json!({ "AWS": format!("arn:aws:iam::{PARTNER}:root") }), None);
    }
    if draw.chance(3.0) {
        add("org", json!("*"), Some(json!({ "StringEquals": { "aws:PrincipalOrgID": "o-k2v7q9xw31" } })));
    }
    if draw.chance(2.5 * careless) {
        add("public", json!("*"), None);
    }
    (!statements.is_empty())
        .then(|| json!({ "Version": "2012-10-17", "Id": "default", "Statement": statements }))
}

/// The policy of a repository. None where there is none.
pub fn repository(draw: &mut Draw, careless: f64) -> Option<Value> {
    let pull = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer", "ecr:BatchCheckLayerAvailability"];
    let statement = |sid: &str, principal: Value, actions: &[&str]| json!({ "Sid": sid, "Effect": "Allow", "Principal": principal, "Action": actions });
    let mut statements = Vec::new();
    if draw.chance(40.0) {
        statements.push(statement("lambda", json!({ "Service": "lambda.amazonaws.com" }), &pull[..2]));
    }
    if draw.chance(9.0 * careless) {
        statements.push(statement(
            "partner",
            json!({ "AWS": format!("arn:aws:iam::{PARTNER}:root") }),
            &pull,
        ));
    }
    if draw.chance(5.0 * careless) {
        statements.push(statement("everyone", json!("*"), &pull));
    }
    (!statements.is_empty()).then(|| document(&Value::Array(statements)))
}
