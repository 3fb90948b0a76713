//! Signatures of commits: SSH's, as Git asks `ssh-keygen -Y sign -n git` for them.
//!
//! The same commit always gets the same signature, so that a push that is done twice makes one commit: Ed25519 is so
//! by nature, ECDSA by RFC 6979. Never here: keys of other people, verification.

use crate::credential::Signer;
use recant_core::forge::SigningKeyType;
use ssh_key::HashAlg;
use ssh_key::LineEnding;
use ssh_key::PrivateKey;

/// What the signature is for, so that it is worth nothing elsewhere.
const NAMESPACE: &str = "git";

/// The armored signature of a commit.
///
/// # Errors
/// What is wrong with the key, without any of it.
pub(super) fn signature(signer: &Signer, commit: &str) -> Result<String, String> {
    let SigningKeyType::Ssh = signer.r#type;
    let wrong = |what: &str| format!("the signing key's Secret: {what}");
    let key = PrivateKey::from_openssh(signer.key.secret())
        .map_err(|_| wrong("identity is no OpenSSH private key (ed25519 or ecdsa; rsa is not supported)"))?;
    let key = match (&signer.passphrase, key.is_encrypted()) {
        (Some(password), true) => key
            .decrypt(password.secret())
            .map_err(|_| wrong("password does not open identity"))?,
        (None, true) => return Err(wrong("identity is locked, and there is no password")),
        (_, false) => key,
    };
    let signature = key
        .sign(NAMESPACE, HashAlg::Sha512, commit.as_bytes())
        .map_err(|_| wrong("identity cannot sign (ed25519 and ecdsa p256 can)"))?;
    signature
        .to_pem(LineEnding::LF)
        .map_err(|_| wrong("the signature cannot be written"))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that cannot go on must stop")]

    use super::*;
    use crate::credential::Token;
    use ssh_key::SshSig;
    use ssh_key::private::Ed25519Keypair;

    fn key() -> PrivateKey {
        PrivateKey::from(Ed25519Keypair::from_seed(&[7; 32]))
    }

    fn signer(key: &str) -> Signer {
        Signer {
            r#type: SigningKeyType::Ssh,
            key: Token::new(key),
            passphrase: None,
        }
    }

    #[test]
    fn a_signature_is_the_same_twice_and_good_for_that_commit_only() {
        let signer = signer(&key().to_openssh(LineEnding::LF).unwrap());
        let signed = signature(&signer, "tree 1\n\nRevert\n").unwrap();
        assert_eq!(signature(&signer, "tree 1\n\nRevert\n").unwrap(), signed);
        let parsed: SshSig = signed.parse().unwrap();
        let public = key().public_key().clone();
        public.verify("git", b"tree 1\n\nRevert\n", &parsed).unwrap();
        assert!(public.verify("git", b"tree 2\n\nRevert\n", &parsed).is_err());
        assert!(public.verify("file", b"tree 1\n\nRevert\n", &parsed).is_err());
    }

    #[test]
    fn a_key_that_cannot_be_used_is_told_without_showing_it() {
        let error = signature(&signer("-----BEGIN s3cret"), "x").unwrap_err();
        assert!(error.contains("identity") && !error.contains("s3cret"), "{error}");
    }
}
