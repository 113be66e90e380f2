//! Which statements of a function's policy anybody can use: some speak of calls through its URL alone, and
//! stay behind when the URL is removed or asks callers who they are.

use super::document::{BadPolicy, Selection, Statement, matches, parse};
use super::resource::boiled_down;
use crate::model::ResourcePolicy;

/// What is known of the URL beside a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Url {
    /// There is none.
    None,
    /// There is one, and this is its `AuthType`.
    Asks(&'static str),
    /// Whether there is one was not read.
    Unread,
}

/// What a function's policy amounts to beside this URL, and whether statements were left out because it is not
/// known.
///
/// After <https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html>: `lambda:FunctionUrlAuthType` and
/// `lambda:InvokedViaFunctionUrl` are of calls through a URL.
pub fn invoke_policy(
    document: &str,
    own_account: &str,
    url: Url,
) -> Result<(ResourcePolicy, bool), BadPolicy> {
    let statements = parse(document)?.statements;
    // Through a URL both the URL and the function behind it have to be allowed.
    let opens = statements.iter().any(|one| one.allows && opens_url(one) && is_usable(one, url));
    let (usable, useless): (Vec<_>, Vec<_>) = statements
        .into_iter()
        .partition(|one| !one.allows || !is_through_url(one) || (opens && is_usable(one, url)));
    let left_out = url == Url::Unread && !useless.is_empty();
    Ok((boiled_down(usable, own_account), left_out))
}

/// Whether it speaks of calling a URL.
fn opens_url(statement: &Statement) -> bool {
    statement.actions.holds("lambda:InvokeFunctionUrl")
}

fn is_usable(statement: &Statement, url: Url) -> bool {
    let Url::Asks(auth) = url else { return false };
    let mut demanded = statement.conditions.iter().filter(|one| one.key == "lambda:functionurlauthtype");
    demanded.all(|one| is_negated(&one.operator) || one.values.iter().any(|value| matches(value, auth)))
}

/// Whether it allows calls through a URL and no others.
fn is_through_url(statement: &Statement) -> bool {
    let alone = match &statement.actions {
        Selection::These(actions) => {
            actions.iter().all(|action| action.eq_ignore_ascii_case("lambda:InvokeFunctionUrl"))
        }
        Selection::AllBut(_) => false,
    };
    alone
        || statement.conditions.iter().any(|one| match one.key.as_str() {
            "lambda:functionurlauthtype" => !is_negated(&one.operator),
            "lambda:invokedviafunctionurl" => {
                one.values.iter().all(|value| value.eq_ignore_ascii_case("true"))
            }
            _ => false,
        })
}

/// Also of a request without the key, which a call past the URL is.
fn is_negated(operator: &str) -> bool {
    let operator = operator.to_lowercase();
    operator.contains("not") || operator.ends_with("ifexists") || operator == "null"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn public(statement: &str, url: Url) -> (usize, bool) {
        let text = format!(r#"{{"Statement":[{{"Effect":"Allow","Principal":"*",{statement}}}]}}"#);
        let (policy, left_out) = invoke_policy(&text, "111122223333", url).expect("a policy");
        (policy.public.len(), left_out)
    }

    const OPEN: &str = r#""Action":"lambda:InvokeFunctionUrl","Condition":{"StringEquals":{"lambda:FunctionUrlAuthType":"NONE"}}"#;

    #[test]
    fn a_statement_about_a_url_counts_where_there_is_such_a_url() {
        assert_eq!(public(OPEN, Url::Asks("NONE")), (1, false));
        assert_eq!(public(OPEN, Url::Asks("AWS_IAM")), (0, false), "its condition is never met");
        assert_eq!(public(OPEN, Url::None), (0, false), "it was left behind");
        assert_eq!(public(OPEN, Url::Unread), (0, true));
        let any = r#""Action":["lambda:invokefunctionurl"]"#;
        assert_eq!(public(any, Url::Asks("AWS_IAM")), (1, false), "anybody's identity will do");
        assert_eq!(public(any, Url::None), (0, false));
    }

    #[test]
    fn of_the_two_statements_that_consoles_write_none_is_left_when_the_url_asks() {
        let via = r#""Action":"lambda:InvokeFunction","Condition":{"Bool":{"lambda:InvokedViaFunctionUrl":"true"}}"#;
        let both = format!(r#"{OPEN}}},{{"Effect":"Allow","Principal":"*",{via}"#);
        assert_eq!(public(&both, Url::Asks("NONE")), (2, false));
        assert_eq!(public(&both, Url::Asks("AWS_IAM")), (0, false));
        assert_eq!(public(&both, Url::None), (0, false));
        assert_eq!(public(&both, Url::Unread), (0, true));
        assert_eq!(public(via, Url::Asks("NONE")), (0, false), "the URL itself lets nobody in");
    }

    #[test]
    fn other_statements_count_whatever_the_url() {
        for statement in [
            r#""Action":"lambda:InvokeFunction""#,
            r#""Action":"lambda:*""#,
            r#""NotAction":"lambda:DeleteFunction""#,
            r#""Action":"lambda:Invoke*","Condition":{"StringNotEquals":{"lambda:FunctionUrlAuthType":"NONE"}}"#,
        ] {
            for url in [Url::None, Url::Asks("AWS_IAM"), Url::Unread] {
                assert_eq!(public(statement, url), (1, false), "{statement} {url:?}");
            }
        }
    }
}
