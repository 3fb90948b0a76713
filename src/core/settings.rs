//! What the operator of recant chose, once, for all canaries.

/// Choices that hold for the whole controller.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The cluster's name in commit statuses and pull requests.
    pub cluster_name: String,
    /// `spec.provider` for canaries that name none (Flagger's `-mesh-provider`).
    pub mesh_provider: String,
    /// Labels that may select the target's pods; the first one found is used (Flagger's `-selector-labels`).
    pub selector_labels: Vec<String>,
    /// What the annotations of NGINX' Ingresses begin with (Flagger's `-ingress-annotations-prefix`).
    pub ingress_annotations_prefix: String,
    /// The class of generated HTTPProxies; none when empty (Flagger's `-ingress-class`).
    pub ingress_class: String,
    /// Labels and annotations of the target that reach the primary, by the start of their names; `*` is all of them
    /// (Flagger's `-include-label-prefix`).
    pub include_label_prefix: Vec<String>,
    /// Whether the ConfigMaps and Secrets that pods read are part of what is analysed (Flagger's
    /// `-enable-config-tracking`).
    pub config_tracking: bool,
    /// Whether there is an alert provider for canaries that name none (Flagger's `-slack-url`, `-msteams-url`).
    pub alerts: bool,
    /// Whether every event also goes to a webhook of recant's own (Flagger's `-event-webhook`).
    pub event_webhook: bool,
    /// Whether a Canary may only refer to objects of its own namespace (Flagger's `-no-cross-namespace-refs`).
    pub no_cross_namespace_refs: bool,
    /// Whether recant only says what it would do in Git, everywhere.
    pub report_only: bool,
    /// The dashboard's address, without a slash at the end; empty when there is none that people can open.
    pub dashboard_url: String,
    /// How many unrelated changes must fail together to be called an outage.
    pub storm_changes: usize,
    /// What "together" means, in seconds.
    pub storm_window_s: i64,
    /// Time between two looks at an open pull request, in seconds.
    pub pull_poll_s: i64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            cluster_name: "default".to_owned(),
            mesh_provider: "linkerd".to_owned(),
            selector_labels: ["app", "name", "app.kubernetes.io/name"]
                .map(str::to_owned)
                .to_vec(),
            ingress_annotations_prefix: "nginx.ingress.kubernetes.io".to_owned(),
            ingress_class: String::new(),
            include_label_prefix: Vec::new(),
            config_tracking: true,
            alerts: false,
            event_webhook: false,
            no_cross_namespace_refs: false,
            report_only: false,
            dashboard_url: String::new(),
            storm_changes: 3,
            storm_window_s: 600,
            pull_poll_s: 30,
        }
    }
}
