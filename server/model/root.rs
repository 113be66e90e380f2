//! Whether the user an image names is root. Pure.

/// Whether `user`, as an image configuration names it (`user`, `user:group`, by name or number), is root or,
/// on Windows, the administrator of its container. Without a user an image runs as root.
///
/// Numbers are read as Go does, which is what engines are written in: `00` is 0.
pub fn is_root(user: Option<&str>) -> bool {
    let name = user.unwrap_or_default().split(':').next().unwrap_or_default().trim();
    name.is_empty()
        || name == "root"
        || name.parse::<i64>() == Ok(0)
        || name.rsplit('\\').next().is_some_and(|name| name.eq_ignore_ascii_case("ContainerAdministrator"))
}

#[cfg(test)]
mod tests {
    use super::is_root;

    #[test]
    fn root_is_root_however_it_is_written() {
        for user in [
            "",
            "root",
            "0",
            "00",
            "+0",
            "root:root",
            "0:1000",
            "ContainerAdministrator",
            "User Manager\\ContainerAdministrator",
        ] {
            assert!(is_root(Some(user)), "{user}");
        }
        assert!(is_root(None));
        for user in ["1000", "10:0", "app", "rootless", "nobody:root", "ContainerUser", "65532"] {
            assert!(!is_root(Some(user)), "{user}");
        }
    }
}
