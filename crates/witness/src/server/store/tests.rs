use super::*;

fn put(store: &Store, key: &str, value: &str, condition: &Condition) -> Put {
    let (key, value) = (key.to_owned(), value.to_owned());
    store.files.put(key, value, condition)
}

#[test]
fn conditions_decide_and_what_was_written_is_there_again() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let Put::Done(first) = put(&store, "a", "one", &Condition::Absent) else {
        panic!("not written");
    };
    assert!(matches!(
        put(&store, "a", "x", &Condition::Absent),
        Put::Unmet
    ));
    let never = Condition::Tag("\"never\"".to_owned());
    assert!(matches!(put(&store, "a", "x", &never), Put::Unmet));
    assert!(matches!(put(&store, "b", "x", &never), Put::Unmet));
    let over = Condition::Tag(first);
    assert!(matches!(put(&store, "a", "two", &over), Put::Done(_)));
    assert!(matches!(put(&store, "a", "three", &over), Put::Unmet));
    let in_use = Store::open(directory.path()).unwrap_err();
    assert!(matches!(in_use, OpenStoreError::InUse(_)), "{in_use}");
    drop(store);
    let again = Store::open(directory.path()).unwrap();
    assert_eq!((again.get("a").unwrap().as_str(), again.len()), ("two", 1));
}

#[test]
fn any_damage_of_the_file_is_noticed() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    assert!(matches!(
        put(&store, "a", "one", &Condition::Absent),
        Put::Done(_)
    ));
    drop(store);
    let path = directory.path().join(FILE);
    let whole = fs::read(&path).unwrap();
    for at in 0..whole.len() {
        let mut flipped = whole.clone();
        flipped[at] ^= 1;
        fs::write(&path, flipped).unwrap();
        assert!(load(&path).is_err(), "flipped at {at}");
        fs::write(&path, &whole[..at]).unwrap();
        assert!(load(&path).is_err(), "cut at {at}");
    }
    let error = Store::open(directory.path()).unwrap_err().to_string();
    assert!(error.contains("does not begin anew"), "{error}");
}

#[test]
fn there_is_room_for_so_many_keys_and_old_ones_still_change() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let many = (0..KEYS).map(|number| (format!("k{number}"), "x".to_owned()));
    *store.files.values.write() = many.collect();
    assert!(matches!(
        put(&store, "one-more", "x", &Condition::Absent),
        Put::Full
    ));
    let over = Condition::Tag(tag("x"));
    assert!(matches!(put(&store, "k7", "y", &over), Put::Done(_)));
}

#[test]
fn what_cannot_be_written_is_not_there() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    fs::remove_dir_all(directory.path()).unwrap();
    assert!(matches!(
        put(&store, "a", "one", &Condition::Absent),
        Put::Failed(_)
    ));
    assert_eq!(store.get("a"), None);
}
