//! A Gateway with a controller of its own, Traefik: what recant writes into the route is what the proxy does.

use super::tell_text;
use crate::files;
use crate::namespace::Parts;
use crate::stage::traefik::Traefik;
use std::fs;

pub(super) fn tell(parts: &Parts) {
    let file = "tests/real/traefik.txt";
    let text = fs::read_to_string(files::root().join(file)).unwrap();
    let mut traefik = None;
    let _told = tell_text(parts, file, &text, |told| {
        traefik = Some(Traefik::start(parts, told.cluster()));
    });
    // It ends before what it follows.
    let traefik = traefik.unwrap();
    let answered = |service: &str, status| traefik.answered("test", service, status);
    // The image that was too bad: 29 of a hundred of its requests. Nobody else met them.
    let (bad, refused) = (
        answered("podinfo-canary-http", 500),
        answered("podinfo-primary-http", 500),
    );
    let (tried, served) = (
        answered("podinfo-canary-http", 200),
        answered("podinfo-primary-http", 200),
    );
    println!("canary: {tried} and {bad} errors; primary: {served} and {refused} errors");
    assert!(
        bad > 0 && tried > bad && served > tried,
        "{}",
        traefik.process.tail()
    );
    assert!(refused * 100 < served);
}
