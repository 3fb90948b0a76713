//! CloudWatch and Cloud Monitoring: who recant says it is there, and to whom it says so. The key under `data/` was made
//! for this test and opens nothing.

use super::NOW_S;
use super::provider;
use super::query;
use super::settings;
use super::with_settings;
use crate::serve::Fake;
use crate::serve::Seen;
use crate::serve::json;
use axum::response::IntoResponse;
use axum::response::Response;
use jsonwebtoken::Algorithm;
use jsonwebtoken::DecodingKey;
use jsonwebtoken::Validation;
use recant::credential::Token;
use recant::gauge::Aws;
use recant::gauge::Google;
use recant::gauge::Identity;
use recant::gauge::Settings;
use recant::port::Gauge;
use recant::port::PortError;
use recant_core::provider::ProviderKind;
use recant_core::query::MetricQuery;
use serde_json::Value;
use serde_json::json as j;

const KEY: &str = include_str!("data/throwaway-key.pem");
const PUBLIC: &str = include_str!("data/throwaway-key.pub.pem");

fn google(fake: &Fake) -> Settings {
    Settings {
        google: Google {
            monitoring: fake.url(),
            tokens: format!("{}/token", fake.url()),
            metadata: fake.url(),
        },
        ..settings("")
    }
}

fn mql() -> MetricQuery {
    let mut asked = query(
        provider(ProviderKind::Stackdriver, ""),
        "fetch k8s_container | within 1m",
    );
    // Flagger looks at no address of a stackdriver template, and neither does recant: the token is Google's.
    asked.provider.address = "http://127.0.0.1:1".to_owned();
    asked
}

/// Google, with this answer to every query.
fn cloud(seen: &Seen, answer: &Value) -> Response {
    let header = |name: &str| seen.headers.get(name).map_or("", String::as_str);
    match (seen.method.as_str(), seen.path()) {
        ("POST", "/token") => {
            let form: Vec<(String, String)> = url::form_urlencoded::parse(&seen.body).into_owned().collect();
            assert_eq!(form[0].1, "urn:ietf:params:oauth:grant-type:jwt-bearer");
            let mut validation = Validation::new(Algorithm::RS256);
            validation.validate_exp = false;
            validation.validate_aud = false;
            let key = DecodingKey::from_rsa_pem(PUBLIC.as_bytes()).unwrap();
            let claims = jsonwebtoken::decode::<Value>(&form[1].1, &key, &validation)
                .unwrap()
                .claims;
            assert_eq!(claims["iss"], "bot@acme.iam.gserviceaccount.com");
            assert_eq!(claims["scope"], "https://www.googleapis.com/auth/monitoring.read");
            assert_eq!(claims["iat"], NOW_S);
            assert_eq!(claims["exp"], NOW_S + 600);
            json(
                200,
                j!({"access_token": "ya29.key", "expires_in": 3599, "token_type": "Bearer"}),
            )
        }
        ("GET", "/computeMetadata/v1/instance/service-accounts/default/token") => {
            assert_eq!(header("metadata-flavor"), "Google");
            json(
                200,
                j!({"access_token": "ya29.pod", "expires_in": 3599, "token_type": "Bearer"}),
            )
        }
        ("POST", "/v3/projects/acme-prod/timeSeries:query") => {
            assert_eq!(seen.json(), j!({"query": "fetch k8s_container | within 1m"}));
            if !header("authorization").starts_with("Bearer ya29.") {
                return json(401, j!({"error": {"code": 401, "message": "no token"}}));
            }
            json(200, answer.clone())
        }
        other => json(404, j!({"error": {"message": format!("{other:?}")}})),
    }
}

#[tokio::test]
async fn a_service_accounts_key_signs_for_a_token_and_never_leaves() {
    let answer = j!({"timeSeriesData": [{"pointData": [{"values": [{"doubleValue": 1.5}]}]}]});
    let fake = Fake::start(move |seen| cloud(seen, &answer)).await;
    let key = j!({"type": "service_account", "client_email": "bot@acme.iam.gserviceaccount.com",
                  "private_key": KEY, "token_uri": "http://thief.invalid/token"});
    let secret = [("project", "acme-prod"), ("serviceAccountKey", &key.to_string())];
    let gauge = with_settings(&secret, google(&fake));
    assert_eq!(gauge.query(&mql()).await.unwrap(), Some(1.5));
    let seen = fake.seen();
    assert_eq!(
        fake.calls(),
        ["POST /token", "POST /v3/projects/acme-prod/timeSeries:query"]
    );
    assert_eq!(seen[1].headers["authorization"], "Bearer ya29.key");
    let middle = KEY.lines().nth(5).unwrap();
    assert!(
        seen.iter()
            .all(|seen| !String::from_utf8_lossy(&seen.body).contains(middle))
    );
    for bad in [
        "{}",
        "not JSON",
        "{\"client_email\": \"a\", \"private_key\": \"s3cret\"}",
    ] {
        let gauge = with_settings(
            &[("project", "acme-prod"), ("serviceAccountKey", bad)],
            google(&fake),
        );
        let got = gauge.query(&mql()).await.unwrap_err().to_string();
        assert!(
            got.starts_with("denied: serviceAccountKey ") && !got.contains("s3cret"),
            "{got}"
        );
    }
}

#[tokio::test]
async fn without_a_key_the_pods_own_account_is_asked_for_a_token() {
    for (answer, expected) in [
        (
            j!({"timeSeriesData": [{"pointData": [{"values": [{"int64Value": "7"}]}]}]}),
            Ok(Some(7.0)),
        ),
        (
            j!({"timeSeriesData": [{"pointData": [{"values": [{"doubleValue": "NaN"}]}]}]}),
            Ok(None),
        ),
        (j!({"timeSeriesData": [{"pointData": []}]}), Ok(None)),
        (j!({"timeSeriesData": []}), Ok(None)),
        (j!({}), Ok(None)),
        (
            j!({"timeSeriesData": [{"pointData": [{"values": [{"boolValue": true}]}]}]}),
            Err(()),
        ),
        (j!([]), Err(())),
    ] {
        let sent = answer.clone();
        let fake = Fake::start(move |seen| cloud(seen, &sent)).await;
        let gauge = with_settings(&[("project", "acme-prod")], google(&fake));
        let got = gauge.query(&mql()).await;
        match expected {
            Ok(value) => assert_eq!(got.as_ref().ok(), Some(&value), "{answer}: {got:?}"),
            Err(()) => assert!(matches!(got, Err(PortError::Invalid(_))), "{answer}: {got:?}"),
        }
        assert_eq!(fake.seen()[1].headers["authorization"], "Bearer ya29.pod");
    }
    let fake = Fake::start(|_| json(403, j!({}))).await;
    let got = with_settings(&[("project", "acme-prod")], google(&fake))
        .query(&mql())
        .await;
    assert!(matches!(got, Err(PortError::Denied(_))), "{got:?}");
    let got = with_settings(&[("project", "../x")], google(&fake))
        .query(&mql())
        .await;
    assert!(
        matches!(&got, Err(PortError::Denied(why)) if why.contains("project")),
        "{got:?}"
    );
}

const QUERIES: &str = r#"[{"Id": "e1", "Expression": "m1 / m2", "Label": "ErrorRate"},
    {"Id": "m1", "MetricStat": {"Metric": {"Namespace": "A", "MetricName": "Errors"}, "Period": 60, "Stat": "Sum"},
     "ReturnData": false}]"#;

fn metric_data(region: &str) -> MetricQuery {
    let mut asked = query(provider(ProviderKind::CloudWatch, "http://127.0.0.1:1"), QUERIES);
    asked.provider.region = region.to_owned();
    asked.provider.secret = None;
    asked
}

fn amazon(fake: &Fake, identity: Identity) -> Settings {
    Settings {
        aws: Aws {
            identity,
            endpoint: format!("{}/{{service}}/{{region}}", fake.url()),
        },
        ..settings("")
    }
}

fn key() -> Identity {
    Identity::Key {
        id: Token::new("AKIDEXAMPLE"),
        key: Token::new("aws-s3cret"),
        session: Some(Token::new("session")),
    }
}

#[tokio::test]
async fn cloudwatch_is_asked_with_a_signature_for_its_region() {
    for (answer, expected) in [
        (
            j!({"MetricDataResults": [{"Id": "e1", "Values": [1.5, 2.5]}, {"Id": "m2", "Values": [9.0]}]}),
            Some(1.5),
        ),
        (j!({"MetricDataResults": [{"Id": "e1", "Values": []}]}), None),
        (j!({"MetricDataResults": []}), None),
    ] {
        let sent = answer.clone();
        let fake = Fake::start(move |_| json(200, sent.clone())).await;
        let gauge = with_settings(&[], amazon(&fake, key()));
        assert_eq!(
            gauge.query(&metric_data("eu-west-1")).await.unwrap(),
            expected,
            "{answer}"
        );
        let seen = &fake.seen()[0];
        assert_eq!(
            (seen.method.as_str(), seen.path()),
            ("POST", "/monitoring/eu-west-1")
        );
        assert_eq!(
            seen.headers["x-amz-target"],
            "GraniteServiceVersion20100801.GetMetricData"
        );
        assert_eq!(seen.headers["content-type"], "application/x-amz-json-1.0");
        assert_eq!(seen.headers["x-amz-date"], "20260101T000000Z");
        assert_eq!(seen.headers["x-amz-security-token"], "session");
        let signature = &seen.headers["authorization"];
        let scope = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260101/eu-west-1/monitoring/aws4_request, SignedHeaders=";
        assert!(signature.starts_with(scope), "{signature}");
        for signed in [
            "content-type",
            "host",
            "x-amz-date",
            "x-amz-security-token",
            "x-amz-target",
        ] {
            assert!(signature.contains(signed), "{signed} is signed");
        }
        let queries: Value = serde_json::from_str(QUERIES).unwrap();
        let body = j!({"MetricDataQueries": queries, "StartTime": NOW_S - 600, "EndTime": NOW_S, "MaxDatapoints": 20});
        assert_eq!(seen.json(), body);
    }
}

#[tokio::test]
async fn a_role_or_a_container_gets_its_keys_first() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "web-identity\n").unwrap();
    let path = file.path().to_str().unwrap().to_owned();
    let fake = Fake::start(|seen| match seen.path() {
        "/sts/eu-west-1" => {
            let form: Vec<(String, String)> = url::form_urlencoded::parse(&seen.body).into_owned().collect();
            let of = |name: &str| form.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
            assert_eq!(of("Action").as_deref(), Some("AssumeRoleWithWebIdentity"));
            assert_eq!(of("RoleArn").as_deref(), Some("arn:aws:iam::1:role/recant"));
            assert_eq!(of("WebIdentityToken").as_deref(), Some("web-identity"));
            assert_eq!(seen.headers["accept"], "application/json");
            let keys = j!({"AccessKeyId": "ASIAROLE", "SecretAccessKey": "s", "SessionToken": "t", "Expiration": 1.0});
            json(200, j!({"AssumeRoleWithWebIdentityResponse": {"AssumeRoleWithWebIdentityResult": {"Credentials": keys}}}))
        }
        "/v1/credentials" => {
            assert_eq!(seen.headers["authorization"], "web-identity");
            json(200, j!({"AccessKeyId": "ASIAPOD", "SecretAccessKey": "s", "Token": "t", "Expiration": "2026-01-01T01:00:00Z"}))
        }
        _ => json(200, j!({"MetricDataResults": [{"Values": [3.0]}]})),
    })
    .await;
    let role = Identity::Role {
        arn: "arn:aws:iam::1:role/recant".to_owned(),
        token_file: path.clone(),
    };
    let container = Identity::Container {
        uri: format!("{}/v1/credentials", fake.url()),
        token_file: Some(path),
    };
    for (identity, id) in [(role, "ASIAROLE"), (container, "ASIAPOD")] {
        let gauge = with_settings(&[], amazon(&fake, identity));
        assert_eq!(gauge.query(&metric_data("eu-west-1")).await.unwrap(), Some(3.0));
        assert!(fake.seen().last().unwrap().headers["authorization"].contains(&format!("Credential={id}/")));
    }
}

#[tokio::test]
async fn what_cloudwatch_cannot_be_asked_is_told_and_the_key_is_not() {
    let fake = Fake::start(|_| {
        json(
            400,
            j!({"__type": "InvalidParameterCombination", "message": "no aws-s3cret"}),
        )
    })
    .await;
    let ask = async |identity: Identity, query: MetricQuery| {
        let gauge = with_settings(&[], amazon(&fake, identity));
        gauge.query(&query).await.unwrap_err().to_string()
    };
    let nobody = ask(Identity::Nobody, metric_data("eu-west-1")).await;
    assert!(
        nobody.starts_with("denied: cloudwatch: recant has no identity there"),
        "{nobody}"
    );
    let nowhere = ask(key(), metric_data("")).await;
    assert!(nowhere.contains("spec.provider.region"), "{nowhere}");
    let elsewhere = ask(key(), metric_data("eu-west-1.thief.invalid/")).await;
    assert!(elsewhere.contains("spec.provider.region"), "{elsewhere}");
    let mut bad = metric_data("eu-west-1");
    bad.query = "SELECT".to_owned();
    assert!(ask(key(), bad).await.contains("spec.query is not JSON"));
    assert!(fake.seen().is_empty(), "nothing of that was sent");
    let refused = ask(key(), metric_data("eu-west-1")).await;
    assert!(
        refused.starts_with("invalid: ") && refused.contains("HTTP 400"),
        "{refused}"
    );
    let page = Fake::start(|_| "<html>".into_response()).await;
    let got = with_settings(&[], amazon(&page, key()))
        .query(&metric_data("eu-west-1"))
        .await;
    assert!(matches!(got, Err(PortError::Invalid(_))), "{got:?}");
}
