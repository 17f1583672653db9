//! Which literals of an expected reply stand for bytes that the server made at random.
//!
//! The files show a recorded session: the key that its server generated, a ciphertext under that
//! key, a signature with a random salt. Another server's bytes differ, so such a literal is a
//! variable without a name. Which literals those are follows from where the object came from and
//! from the operation, never from what the server answered.

use std::collections::HashMap;

use strongroom_kmip::{CryptographicAlgorithm, Node, Operation, PaddingMethod, Tag, Value};

/// How much of a literal can be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Literal {
    /// All of it.
    Fixed,
    /// Its length, and that it repeats.
    Random,
    /// Only its type: the length varies too, or the same literal stands for several things.
    Loose,
}

/// What matters about an object.
#[derive(Clone, Copy, Debug, Default)]
struct Origin {
    /// Whether the server generated its material.
    generated: bool,
    algorithm: Option<CryptographicAlgorithm>,
    padding: Option<PaddingMethod>,
}

impl Origin {
    fn is_symmetric(&self) -> bool {
        !matches!(
            self.algorithm,
            Some(
                CryptographicAlgorithm::RSA
                    | CryptographicAlgorithm::DSA
                    | CryptographicAlgorithm::EC
                    | CryptographicAlgorithm::ECDSA
                    | CryptographicAlgorithm::ECDH
            )
        )
    }
}

/// Where the objects of a case came from.
#[derive(Clone, Debug, Default)]
pub struct Origins {
    objects: HashMap<String, Origin>,
}

/// The rules for one batch item's reply.
#[derive(Clone, Debug)]
pub struct Rules {
    operation: Option<Operation>,
    origin: Origin,
    /// Encrypt made the IV itself, or uses a padding that is random.
    randomized: bool,
    /// Decrypt of bytes that no reply of this case had.
    foreign: bool,
}

impl Rules {
    /// Everything is fixed.
    pub fn strict() -> Self {
        Self { operation: None, origin: Origin::default(), randomized: false, foreign: false }
    }

    /// How to compare a literal under this tag, inside of `parents`.
    pub fn literal(&self, tag: Tag, parents: &[Tag]) -> Literal {
        let Some(operation) = self.operation else { return Literal::Fixed };
        if parents.contains(&Tag::DIGEST) || tag == Tag::DIGEST_VALUE {
            return match self.origin.generated {
                true => Literal::Loose,
                false => Literal::Fixed,
            };
        }
        let in_key = parents.contains(&Tag::KEY_VALUE) || tag == Tag::KEY_VALUE;
        match operation {
            Operation::GET | Operation::EXPORT if in_key && self.origin.generated => {
                if self.origin.is_symmetric() { Literal::Random } else { Literal::Loose }
            }
            Operation::ENCRYPT
                if matches!(
                    tag,
                    Tag::DATA | Tag::IV_COUNTER_NONCE | Tag::AUTHENTICATED_ENCRYPTION_TAG
                ) && (self.origin.generated || self.randomized) =>
            {
                Literal::Random
            }
            Operation::DECRYPT if tag == Tag::DATA && self.origin.generated && self.foreign => {
                Literal::Random
            }
            Operation::SIGN if tag == Tag::SIGNATURE_DATA => {
                if !self.origin.is_symmetric()
                    && self.origin.algorithm != Some(CryptographicAlgorithm::RSA)
                {
                    Literal::Loose
                } else if self.origin.generated || self.randomized {
                    Literal::Random
                } else {
                    Literal::Fixed
                }
            }
            Operation::MAC if tag == Tag::MAC_DATA && self.origin.generated => Literal::Random,
            Operation::RNG_RETRIEVE if tag == Tag::DATA => Literal::Random,
            _ => Literal::Fixed,
        }
    }
}

impl Origins {
    /// The rules for the reply to a batch item, from the request's and the reply's item as they
    /// were on the wire. `is_made` tells whether a reply of the case had these bytes.
    pub fn rules(&self, request: &Node, reply: &Node, is_made: impl Fn(&[u8]) -> bool) -> Rules {
        let operation = enumeration(request, Tag::OPERATION).map(Operation);
        let asked = request.find(Tag::REQUEST_PAYLOAD);
        let payload = reply.find(Tag::RESPONSE_PAYLOAD);
        // An ID Placeholder leaves the identifier out of the request; the reply has it.
        let origin = [payload, asked]
            .into_iter()
            .flatten()
            .find_map(|p| self.objects.get(text(p, Tag::UNIQUE_IDENTIFIER)?))
            .copied()
            .unwrap_or_default();
        let padding = asked
            .and_then(|p| p.find(Tag::CRYPTOGRAPHIC_PARAMETERS))
            .and_then(|p| enumeration(p, Tag::PADDING_METHOD))
            .map(PaddingMethod)
            .or(origin.padding);
        let made_iv = payload.is_some_and(|p| p.find(Tag::IV_COUNTER_NONCE).is_some())
            && asked.is_some_and(|p| p.find(Tag::IV_COUNTER_NONCE).is_none());
        let randomized = match operation {
            Some(Operation::ENCRYPT) => {
                made_iv || origin.algorithm == Some(CryptographicAlgorithm::RSA)
            }
            Some(Operation::SIGN) => padding == Some(PaddingMethod::PSS),
            _ => false,
        };
        let data = asked.and_then(|p| p.find(Tag::DATA)).and_then(|d| d.value.as_bytes());
        Rules { operation, origin, randomized, foreign: !data.is_some_and(is_made) }
    }

    /// Learns from a batch item that succeeded.
    pub fn note(&mut self, request: &Node, reply: &Node) {
        let operation = enumeration(request, Tag::OPERATION).map(Operation);
        let (Some(asked), Some(payload)) =
            (request.find(Tag::REQUEST_PAYLOAD), reply.find(Tag::RESPONSE_PAYLOAD))
        else {
            return;
        };
        let generated = match operation {
            Some(
                Operation::CREATE
                | Operation::CREATE_KEY_PAIR
                | Operation::RE_KEY
                | Operation::RE_KEY_KEY_PAIR
                | Operation::CREATE_SPLIT_KEY,
            ) => true,
            Some(Operation::REGISTER | Operation::IMPORT) => false,
            Some(Operation::DERIVE_KEY | Operation::JOIN_SPLIT_KEY) => {
                identifiers(asked).any(|id| self.objects.get(id).is_some_and(|o| o.generated))
            }
            _ => return,
        };
        let replaced = identifiers(asked).find_map(|id| self.objects.get(id)).copied();
        let made = Origin {
            generated,
            algorithm: deep(asked, Tag::CRYPTOGRAPHIC_ALGORITHM)
                .map(CryptographicAlgorithm)
                .or_else(|| attribute(asked, "Cryptographic Algorithm").map(CryptographicAlgorithm))
                .or(replaced.and_then(|o| o.algorithm)),
            padding: deep(asked, Tag::PADDING_METHOD).map(PaddingMethod),
        };
        for id in identifiers(payload) {
            self.objects.insert(id.to_owned(), made);
        }
    }
}

fn identifiers(payload: &Node) -> impl Iterator<Item = &str> {
    payload
        .children()
        .iter()
        .filter(|c| {
            matches!(
                c.tag,
                Tag::UNIQUE_IDENTIFIER
                    | Tag::PRIVATE_KEY_UNIQUE_IDENTIFIER
                    | Tag::PUBLIC_KEY_UNIQUE_IDENTIFIER
            )
        })
        .filter_map(|c| c.value.as_text())
}

fn enumeration(node: &Node, tag: Tag) -> Option<u32> {
    node.find(tag)?.value.as_enumeration()
}

fn text(node: &Node, tag: Tag) -> Option<&str> {
    node.find(tag)?.value.as_text()
}

/// An enumeration anywhere inside.
fn deep(node: &Node, tag: Tag) -> Option<u32> {
    node.children().iter().find_map(|child| match &child.value {
        Value::Enumeration(code) if child.tag == tag => Some(*code),
        _ => deep(child, tag),
    })
}

/// The value of a 1.x attribute that is an enumeration.
fn attribute(node: &Node, name: &str) -> Option<u32> {
    node.children().iter().find_map(|child| {
        if child.tag == Tag::ATTRIBUTE && text(child, Tag::ATTRIBUTE_NAME) == Some(name) {
            enumeration(child, Tag::ATTRIBUTE_VALUE)
        } else {
            attribute(child, name)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(operation: Operation, side: Tag, fields: Vec<Node>) -> Node {
        Node::structure(
            Tag::BATCH_ITEM,
            vec![Node::enumeration(Tag::OPERATION, operation), Node::structure(side, fields)],
        )
    }

    fn id(text: &str) -> Node {
        Node::text(Tag::UNIQUE_IDENTIFIER, text)
    }

    fn rules(origins: &Origins, operation: Operation, asked: Vec<Node>, got: Vec<Node>) -> Rules {
        origins.rules(
            &item(operation, Tag::REQUEST_PAYLOAD, asked),
            &item(operation, Tag::RESPONSE_PAYLOAD, got),
            |_| false,
        )
    }

    fn after(operation: Operation, algorithm: CryptographicAlgorithm) -> Origins {
        let mut origins = Origins::default();
        let asked = vec![Node::enumeration(Tag::CRYPTOGRAPHIC_ALGORITHM, algorithm)];
        origins.note(
            &item(operation, Tag::REQUEST_PAYLOAD, asked),
            &item(operation, Tag::RESPONSE_PAYLOAD, vec![id("k")]),
        );
        origins
    }

    const MATERIAL: (Tag, &[Tag]) = (Tag::KEY_MATERIAL, &[Tag::KEY_VALUE]);

    #[test]
    fn the_material_of_a_created_key_is_random_and_of_a_registered_one_fixed() {
        for (made_by, expected) in
            [(Operation::CREATE, Literal::Random), (Operation::REGISTER, Literal::Fixed)]
        {
            let origins = after(made_by, CryptographicAlgorithm::AES);
            let rules = rules(&origins, Operation::GET, vec![id("k")], vec![id("k")]);
            assert_eq!(rules.literal(MATERIAL.0, MATERIAL.1), expected);
            // Everything else in the same reply stays fixed.
            assert_eq!(rules.literal(Tag::UNIQUE_IDENTIFIER, &[]), Literal::Fixed);
        }
    }

    #[test]
    fn the_length_of_a_generated_private_key_varies() {
        let origins = after(Operation::CREATE_KEY_PAIR, CryptographicAlgorithm::RSA);
        let rules = rules(&origins, Operation::GET, vec![id("k")], vec![id("k")]);
        assert_eq!(rules.literal(MATERIAL.0, MATERIAL.1), Literal::Loose);
    }

    #[test]
    fn a_ciphertext_is_random_only_where_key_iv_or_padding_are() {
        let fixed = after(Operation::REGISTER, CryptographicAlgorithm::AES);
        let iv = Node::bytes(Tag::IV_COUNTER_NONCE, [0; 16]);
        let encrypt = |origins: &Origins, asked: Vec<Node>, got: Vec<Node>| {
            rules(origins, Operation::ENCRYPT, asked, got).literal(Tag::DATA, &[])
        };
        assert_eq!(encrypt(&fixed, vec![id("k"), iv.clone()], vec![id("k")]), Literal::Fixed);
        assert_eq!(encrypt(&fixed, vec![id("k")], vec![id("k"), iv]), Literal::Random);
        let rsa = after(Operation::REGISTER, CryptographicAlgorithm::RSA);
        assert_eq!(encrypt(&rsa, vec![id("k")], vec![id("k")]), Literal::Random);
        let created = after(Operation::CREATE, CryptographicAlgorithm::AES);
        assert_eq!(encrypt(&created, vec![id("k")], vec![id("k")]), Literal::Random);
    }

    #[test]
    fn decrypting_what_this_case_encrypted_must_give_the_plaintext() {
        let created = after(Operation::CREATE, CryptographicAlgorithm::AES);
        let request = item(
            Operation::DECRYPT,
            Tag::REQUEST_PAYLOAD,
            vec![id("k"), Node::bytes(Tag::DATA, [1; 16])],
        );
        let reply = item(Operation::DECRYPT, Tag::RESPONSE_PAYLOAD, vec![id("k")]);
        let of = |made: bool| created.rules(&request, &reply, |_| made).literal(Tag::DATA, &[]);
        assert_eq!(of(true), Literal::Fixed);
        assert_eq!(of(false), Literal::Random);
    }

    #[test]
    fn signatures_are_fixed_for_the_old_padding_only() {
        let rsa = after(Operation::REGISTER, CryptographicAlgorithm::RSA);
        let sign = |asked: Vec<Node>| {
            rules(&rsa, Operation::SIGN, asked, vec![id("k")]).literal(Tag::SIGNATURE_DATA, &[])
        };
        assert_eq!(sign(vec![id("k")]), Literal::Fixed);
        let pss = Node::structure(
            Tag::CRYPTOGRAPHIC_PARAMETERS,
            vec![Node::enumeration(Tag::PADDING_METHOD, PaddingMethod::PSS)],
        );
        assert_eq!(sign(vec![id("k"), pss]), Literal::Random);
    }
}
