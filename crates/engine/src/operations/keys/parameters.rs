//! Cryptographic Parameters (KMIP 2.1 section 4.16): how to compute, as a request or an object's
//! attribute says it.

use strongroom_crypto::asym::{RsaPadding, Signing};
use strongroom_crypto::cipher::Spec;
use strongroom_kmip::{
    AttributeName, BlockCipherMode, CryptographicAlgorithm, DigitalSignatureAlgorithm,
    HashingAlgorithm, MaskGenerator, PaddingMethod, Tag, Value, View,
};
use strongroom_model::ManagedObject;

use super::bad_parameters;
use crate::refusal::Refusal;

/// Cryptographic Parameters. Lengths of IVs and counters in bits, of tags and salts in bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Parameters {
    pub(crate) mode: Option<BlockCipherMode>,
    pub(crate) padding: Option<PaddingMethod>,
    pub(crate) hash: Option<HashingAlgorithm>,
    pub(crate) signature: Option<DigitalSignatureAlgorithm>,
    pub(crate) algorithm: Option<CryptographicAlgorithm>,
    pub(crate) iv_length: Option<usize>,
    pub(crate) tag_length: Option<usize>,
    pub(crate) counter_length: Option<usize>,
    pub(crate) initial_counter: Option<i32>,
    pub(crate) salt_length: Option<usize>,
    pub(crate) mgf_hash: Option<HashingAlgorithm>,
    pub(crate) label: Vec<u8>,
}

/// A field's value, from either representation.
enum Given<'a> {
    Code(u32),
    Number(i32),
    Octets(&'a [u8]),
    Other,
}

impl<'a> From<View<'a>> for Given<'a> {
    fn from(view: View<'a>) -> Self {
        if let Some(code) = view.as_enumeration() {
            Self::Code(code)
        } else if let Some(number) = view.as_integer() {
            Self::Number(number)
        } else {
            view.as_bytes().map_or(Self::Other, Self::Octets)
        }
    }
}

impl<'a> From<&'a Value> for Given<'a> {
    fn from(value: &'a Value) -> Self {
        match value {
            Value::Enumeration(code) => Self::Code(*code),
            Value::Integer(number) => Self::Number(*number),
            Value::ByteString(octets) => Self::Octets(octets),
            _ => Self::Other,
        }
    }
}

impl Parameters {
    /// The request's parameters; where it has none, or empty ones, those of the object's attribute
    /// (its first instance); else nothing.
    pub(crate) fn of_request(payload: View<'_>, object: &ManagedObject) -> Result<Self, Refusal> {
        Ok(match Self::given(payload)? {
            Some(parameters) => parameters,
            None => Self::of_object(object)?.unwrap_or_default(),
        })
    }

    /// The parameters in a structure that may hold some; none when they are absent or empty.
    pub(crate) fn given(holder: View<'_>) -> Result<Option<Self>, Refusal> {
        let Some(view) = holder.find(Tag::CRYPTOGRAPHIC_PARAMETERS) else { return Ok(None) };
        let mut parameters = Self::default();
        let mut any = false;
        for field in view.children() {
            parameters.set(field.tag(), Given::from(field))?;
            any = true;
        }
        Ok(any.then_some(parameters))
    }

    /// The first instance of the object's attribute.
    pub(crate) fn of_object(object: &ManagedObject) -> Result<Option<Self>, Refusal> {
        object.value(Tag::CRYPTOGRAPHIC_PARAMETERS).map(Self::of_value).transpose()
    }

    /// The parameters in an attribute's value.
    pub(crate) fn of_value(value: &Value) -> Result<Self, Refusal> {
        let mut parameters = Self::default();
        for field in value.children() {
            parameters.set(field.tag, Given::from(&field.value))?;
        }
        Ok(parameters)
    }

    fn set(&mut self, tag: Tag, given: Given<'_>) -> Result<(), Refusal> {
        match (tag, given) {
            (Tag::BLOCK_CIPHER_MODE, Given::Code(c)) => self.mode = Some(BlockCipherMode(c)),
            (Tag::PADDING_METHOD, Given::Code(c)) => self.padding = Some(PaddingMethod(c)),
            (Tag::HASHING_ALGORITHM, Given::Code(c)) => self.hash = Some(HashingAlgorithm(c)),
            (Tag::DIGITAL_SIGNATURE_ALGORITHM, Given::Code(c)) => {
                self.signature = Some(DigitalSignatureAlgorithm(c));
            }
            (Tag::CRYPTOGRAPHIC_ALGORITHM, Given::Code(c)) => {
                self.algorithm = Some(CryptographicAlgorithm(c));
            }
            (Tag::IV_LENGTH, Given::Number(n)) => self.iv_length = Some(length(tag, n)?),
            (Tag::TAG_LENGTH, Given::Number(n)) => self.tag_length = Some(length(tag, n)?),
            (Tag::COUNTER_LENGTH, Given::Number(n)) => self.counter_length = Some(length(tag, n)?),
            (Tag::INITIAL_COUNTER_VALUE, Given::Number(n)) => self.initial_counter = Some(n),
            (Tag::SALT_LENGTH, Given::Number(n)) => self.salt_length = Some(length(tag, n)?),
            (Tag::MASK_GENERATOR_HASHING_ALGORITHM, Given::Code(c)) => {
                self.mgf_hash = Some(HashingAlgorithm(c));
            }
            (Tag::P_SOURCE, Given::Octets(octets)) => self.label = octets.to_vec(),
            (Tag::MASK_GENERATOR, Given::Code(c)) if MaskGenerator(c) != MaskGenerator::MGF1 => {
                return Err(bad_parameters("the only Mask Generator is MGF1"));
            }
            (Tag::TRAILER_FIELD, Given::Number(n)) if n != 1 => {
                return Err(bad_parameters("the only Trailer Field is 1, the standard's"));
            }
            // Random IV: the server makes an IV whenever one is needed and none is given. The rest
            // describes how the caller composes IVs, or the key's role.
            _ => {}
        }
        Ok(())
    }

    /// What they say of a symmetric cipher.
    pub(crate) fn spec(&self, algorithm: CryptographicAlgorithm) -> Spec {
        Spec {
            algorithm,
            mode: self.mode,
            padding: self.padding,
            tag_length: self.tag_length,
            counter_length: self.counter_length,
        }
    }

    /// Refuses a GCM tag of less than 12 bytes, unless the key's own parameters provide for that
    /// length: so short a tag is forged too easily for any but a few uses (NIST SP 800-38D,
    /// section 5.2.1.2 and appendix C), and whoever sends the request must not choose it.
    pub(crate) fn check_tag_length(&self, object: &ManagedObject) -> Result<(), Refusal> {
        let (Some(BlockCipherMode::GCM), Some(length @ (4 | 8))) = (self.mode, self.tag_length)
        else {
            return Ok(());
        };
        let name = AttributeName::Standard(Tag::CRYPTOGRAPHIC_PARAMETERS);
        for (_, value) in object.instances(&name) {
            let own = Self::of_value(value)?;
            let for_gcm = own.mode.is_none_or(|mode| mode == BlockCipherMode::GCM);
            if for_gcm && own.tag_length == Some(length) {
                return Ok(());
            }
        }
        Err(bad_parameters(format!(
            "a GCM tag of {length} bytes is too short unless the Cryptographic Parameters of \
             object {} ask for it: use 12 to 16",
            object.id
        )))
    }

    /// What they say of RSA encryption. The hash of MGF1 is the hash itself when absent, as the
    /// profiles' cases have it with PSS (the specification's text says SHA-1); the hash is SHA-1
    /// when absent, the default of RFC 8017.
    pub(crate) fn rsa_padding(&self) -> Result<RsaPadding<'_>, Refusal> {
        match self.padding {
            Some(PaddingMethod::OAEP) => Ok(RsaPadding::Oaep {
                hash: self.hash.unwrap_or(HashingAlgorithm::SHA_1),
                mgf_hash: self.mgf_hash,
                label: &self.label,
            }),
            Some(PaddingMethod::PKCS1_V1_5) => Ok(RsaPadding::Pkcs1V15),
            Some(other) => Err(bad_parameters(format!(
                "RSA does not encrypt with the Padding Method {other}: OAEP or PKCS1 v1.5"
            ))),
            None => Err(bad_parameters(
                "RSA needs a Padding Method, in the request or in the key's Cryptographic \
                 Parameters: OAEP or PKCS1 v1.5",
            )),
        }
    }

    /// What they say of a signature: the Digital Signature Algorithm, or padding and hash.
    pub(crate) fn signing(&self) -> Result<Signing, Refusal> {
        let named = self.signature.map(Signing::of).transpose()?.unwrap_or_default();
        Ok(Signing {
            hash: named.hash.or(self.hash),
            padding: named.padding.or(self.padding),
            mgf_hash: self.mgf_hash,
            salt_length: self.salt_length,
        })
    }

    /// Whether `wanted` agrees with these parameters in every field that both name.
    pub(crate) fn admits(&self, wanted: &Self) -> bool {
        fn agree<T: PartialEq>(have: &Option<T>, want: &Option<T>) -> bool {
            have.is_none() || want.is_none() || have == want
        }
        agree(&self.mode, &wanted.mode)
            && agree(&self.padding, &wanted.padding)
            && agree(&self.hash, &wanted.hash)
            && agree(&self.algorithm, &wanted.algorithm)
    }
}

fn length(tag: Tag, number: i32) -> Result<usize, Refusal> {
    usize::try_from(number).map_err(|_| bad_parameters(format!("{tag} is negative")))
}

#[cfg(test)]
mod tests {
    use strongroom_kmip::{Encoder, Limits, Node};

    use super::*;

    fn request(fill: impl FnOnce(&mut Encoder)) -> Vec<u8> {
        let mut e = Encoder::ungated();
        e.structure(Tag::REQUEST_PAYLOAD, |e| {
            e.structure(Tag::CRYPTOGRAPHIC_PARAMETERS, fill);
        });
        e.into_bytes()
    }

    fn parse(bytes: &[u8]) -> View<'_> {
        View::parse(bytes, &Limits::default()).unwrap()
    }

    #[test]
    fn both_representations_read_alike() {
        let bytes = request(|e| {
            e.enumeration(Tag::BLOCK_CIPHER_MODE, BlockCipherMode::GCM);
            e.integer(Tag::TAG_LENGTH, 12);
        });
        let view = parse(&bytes).find(Tag::CRYPTOGRAPHIC_PARAMETERS).unwrap();
        let read = Parameters::given(parse(&bytes)).unwrap().unwrap();
        assert_eq!(read, Parameters::of_value(&Value::from(view)).unwrap());
        assert_eq!(read.spec(CryptographicAlgorithm::AES).tag_length, Some(12));
    }

    #[test]
    fn empty_parameters_count_as_none() {
        assert_eq!(Parameters::given(parse(&request(|_| {}))).unwrap(), None);
    }

    #[test]
    fn a_negative_length_is_refused() {
        let value = Value::Structure(vec![Node::integer(Tag::TAG_LENGTH, -1)]);
        assert!(Parameters::of_value(&value).is_err());
    }

    #[test]
    fn a_digital_signature_algorithm_names_hash_and_padding() {
        let parameters = Parameters {
            signature: Some(DigitalSignatureAlgorithm::SHA_384_WITH_RSA_ENCRYPTION),
            hash: Some(HashingAlgorithm::SHA_1),
            ..Parameters::default()
        };
        let signing = parameters.signing().unwrap();
        assert_eq!(signing.hash, Some(HashingAlgorithm::SHA_384));
        assert_eq!(signing.padding, Some(PaddingMethod::PKCS1_V1_5));
    }
}
