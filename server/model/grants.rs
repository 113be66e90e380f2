//! What a log-in provider's groups give: which role whom, and never more than is written here.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::Role;

/// Groups with a role, at most.
const MOST: usize = 200;
/// No name of a group is longer.
const LONGEST: usize = 500;

/// The roles a provider may give.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grants {
    /// By the name of a group, as the provider spells it.
    pub by_group: BTreeMap<String, Role>,
    /// Whoever is in none of them; none: they do not come in.
    pub otherwise: Option<Role>,
}

impl Grants {
    /// What somebody in these groups becomes: the highest of what each gives.
    pub fn role(&self, groups: &[String]) -> Option<Role> {
        groups.iter().filter_map(|group| self.by_group.get(group)).chain(&self.otherwise).min().copied()
    }

    /// The most it gives to anybody.
    pub fn most(&self) -> Option<Role> {
        self.by_group.values().chain(&self.otherwise).min().copied()
    }

    /// Reads `group = role`, a line each. The last `=` parts them: names of groups may hold others.
    pub fn parse(text: &str) -> Result<BTreeMap<String, Role>, String> {
        let mut found = BTreeMap::new();
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() {
                continue;
            }
            let wrong = |problem: String| format!("line {}: {problem}", number + 1);
            let (group, role) =
                line.rsplit_once('=').ok_or_else(|| wrong("write it as group = role".to_owned()))?;
            let (group, role) = (group.trim(), role.trim().to_lowercase());
            if group.is_empty() || group.len() > LONGEST || group.contains(char::is_control) {
                return Err(wrong(format!("a group's name has 1 to {LONGEST} letters")));
            }
            let role = role.parse().map_err(wrong)?;
            if found.insert(group.to_owned(), role).is_some() {
                return Err(wrong(format!("the group {group} stands there twice")));
            }
        }
        if found.len() > MOST {
            return Err(format!("write at most {MOST} groups"));
        }
        Ok(found)
    }

    /// The groups as they are read.
    pub fn lines(&self) -> String {
        self.by_group.iter().fold(String::new(), |mut text, (group, role)| {
            let _ = writeln!(text, "{group} = {role}");
            text
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn grants(lines: &str, otherwise: Option<Role>) -> Grants {
        Grants { by_group: Grants::parse(lines).expect("lines"), otherwise }
    }

    fn groups(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn the_highest_role_wins_and_nobody_gets_more() {
        let some = grants("readers = viewer\nsecurity = Admin\n\ncn=ops,dc=example = analyst", None);
        assert_eq!(some.role(&groups(&["readers", "security"])), Some(Role::Admin));
        assert_eq!(some.role(&groups(&["cn=ops,dc=example", "readers"])), Some(Role::Analyst));
        assert_eq!(some.role(&groups(&["Security", "owner", ""])), None, "names are taken as they are");
        assert_eq!((some.most(), Grants::default().most()), (Some(Role::Admin), None));
        let all = grants("", Some(Role::Viewer));
        assert_eq!((all.role(&[]), all.most()), (Some(Role::Viewer), Some(Role::Viewer)));
    }

    #[test]
    fn a_line_that_says_nothing_is_refused_by_its_number() {
        for (lines, told) in [
            ("a = viewer\nb", "line 2: write it"),
            ("a = king", "line 1: \"king\""),
            ("= viewer", "line 1: a group"),
            ("a = viewer\na = owner", "line 2: the group a"),
        ] {
            let problem = Grants::parse(lines).expect_err(lines);
            assert!(problem.starts_with(told), "{problem}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_read_reads_the_same_again(text in "([a-z=,. ]{0,12}= ?(viewer|owner|x)?\n?){0,4}") {
            if let Ok(by_group) = Grants::parse(&text) {
                let one = Grants { by_group, otherwise: None };
                prop_assert_eq!(Grants::parse(&one.lines()), Ok(one.by_group));
            }
        }
    }
}
