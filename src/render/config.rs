//! Where transformers write: kustomize's default tables, and what `configurations` add to them.

use crate::fieldspec::FieldSpec;

/// The field specs of all transformers.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) namespace: Vec<FieldSpec>,
    pub(crate) images: Vec<FieldSpec>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            namespace: FieldSpec::table(NAMESPACE),
            images: FieldSpec::table(IMAGES),
        }
    }
}

const NAMESPACE: &str = "
    - - Namespace metadata/name create
    - - RoleBinding subjects/namespace create
    - - ClusterRoleBinding subjects/namespace create
    apiregistration.k8s.io - APIService spec/service/namespace create
    apiextensions.k8s.io - CustomResourceDefinition spec/conversion/webhook/clientConfig/service/namespace -
";

const IMAGES: &str = "
    - - - spec/containers[]/image -
    - - - spec/initContainers[]/image -
    - - - spec/volumes[]/image/reference -
    - - - spec/template/spec/containers[]/image -
    - - - spec/template/spec/initContainers[]/image -
    - - - spec/template/spec/volumes[]/image/reference -
";
