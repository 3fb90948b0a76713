//! nginx' configuration.

use super::PORT;
use super::routes::Apex;
use super::routes::Backends;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

/// The ready addresses of Services, by `namespace/name`.
pub(super) type Endpoints = BTreeMap<String, Vec<String>>;

/// The file with one line for each request that an ingress controller counts: status, seconds, upstream, namespace,
/// Ingress, canary's upstream.
pub(super) const COUNTED: &str = "counted.log";

pub(super) fn configured(dir: &Path, apexes: &[Apex], endpoints: &Endpoints) -> String {
    let dir = dir.display();
    let mut text = format!(
        "daemon off; user root; worker_processes 1; pid {dir}/pid; error_log {dir}/error.log;\n\
         events {{ worker_connections 512; }}\nhttp {{\n  \
         server_names_hash_bucket_size 128; variables_hash_bucket_size 128; map_hash_bucket_size 128;\n  \
         client_body_temp_path {dir}/b; proxy_temp_path {dir}/p; fastcgi_temp_path {dir}/f; \
         uwsgi_temp_path {dir}/u; scgi_temp_path {dir}/s;\n  \
         log_format counted '$status $request_time $proxy_host $counted';\n  \
         server {{ listen 127.0.0.1:{PORT} default_server; set $counted \"\"; access_log off; return 404; }}\n"
    );
    for (service, addresses) in endpoints {
        let servers: String = addresses
            .iter()
            .map(|address| format!("server {address}; "))
            .collect();
        let _ = writeln!(text, "  upstream {} {{ {servers}}}", plain(service));
    }
    for apex in apexes {
        text += &server(&dir.to_string(), apex, endpoints).unwrap_or_default();
    }
    text + "}\n"
}

/// None while nobody is there to answer.
fn server(dir: &str, apex: &Apex, endpoints: &Endpoints) -> Option<String> {
    let at = plain(&apex.name);
    let mut text = split(&format!("all_{at}"), &apex.backends, endpoints)?;
    let with = apex.with.as_ref();
    let insiders = with.and_then(|with| split(&format!("with_{at}"), &with.backends, endpoints));
    let to = match with.zip(insiders) {
        Some((with, split)) => {
            let header = plain(&with.header.to_lowercase());
            let value = &with.value;
            let _ = writeln!(
                text,
                "{split}  map $http_{header} $to_{at} {{ \"{value}\" $with_{at}; default $all_{at}; }}"
            );
            format!("$to_{at}")
        }
        None => format!("$all_{at}"),
    };
    let log = match &apex.ingress {
        Some(ingress) => format!(
            "set $counted \"{} {} {}\"; access_log {dir}/{COUNTED} counted;",
            ingress.namespace,
            ingress.name,
            match plain(&ingress.canary).as_str() {
                "" => "-",
                canary => canary,
            }
        ),
        None => "access_log off;".to_owned(),
    };
    let _ = writeln!(
        text,
        "  server {{ listen 127.0.0.1:{PORT}; server_name {at}; {log} location / {{ proxy_pass http://{to}; }} }}"
    );
    Some(text)
}

/// A variable that is one of the upstreams that are there, by their weights.
fn split(variable: &str, backends: &Backends, endpoints: &Endpoints) -> Option<String> {
    let there: Vec<_> = backends
        .iter()
        .filter(|(name, weight)| *weight > 0 && endpoints.contains_key(name))
        .collect();
    let ((last, _), others) = there.split_last()?;
    let total: i64 = there.iter().map(|(_, weight)| weight).sum();
    let shares: String = others
        .iter()
        .map(|(name, weight)| format!("{:.2}% {}; ", *weight as f64 * 100.0 / total as f64, plain(name)))
        .collect();
    let last = plain(last);
    Some(format!(
        "  split_clients \"$request_id\" ${variable} {{ {shares}* {last}; }}\n"
    ))
}

/// A name that nginx takes for a variable and for a host.
pub(super) fn plain(name: &str) -> String {
    name.replace(['/', '-', '.'], "_")
}
