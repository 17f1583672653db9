//! What an X.509 certificate tells about itself: the attributes that the server sets for it.

use std::fmt::Write as _;

use strongroom_crypto::asym::PublicKey;
use strongroom_kmip::{
    Attribute, AttributeName, CertificateType, CryptographicAlgorithm, DigitalSignatureAlgorithm,
    Node, Tag, Value,
};
use x509_parser::prelude::{FromDer, X509Certificate, X509Name};
use x509_parser::x509::AttributeTypeAndValue;

use crate::operations::create::Birth;
use crate::refusal::Refusal;

/// Fills in the attributes of a certificate. PGP certificates are kept as they are.
pub(crate) fn describe_certificate(birth: &mut Birth, der: &[u8]) -> Result<(), Refusal> {
    let kind = birth
        .fields
        .iter()
        .find(|f| f.tag == Tag::CERTIFICATE_TYPE)
        .and_then(|f| f.value.as_enumeration())
        .map(CertificateType);
    if kind.is_some_and(|kind| kind != CertificateType::X_509) {
        return Ok(());
    }
    let (_, certificate) = X509Certificate::from_der(der)
        .map_err(|e| Refusal::invalid_field(format!("the certificate is not X.509: {e}")))?;
    let mut told = Told(birth);
    told.one(Tag::CERTIFICATE_LENGTH, Value::Integer(i32::try_from(der.len()).unwrap_or(i32::MAX)));
    told.names(&certificate);
    told.old_names(&certificate);
    told.parts(certificate.subject(), SUBJECT);
    told.parts(certificate.issuer(), ISSUER);
    if let Some(algorithm) = signature_algorithm(&certificate) {
        told.one(Tag::DIGITAL_SIGNATURE_ALGORITHM, Value::Enumeration(algorithm.0));
    }
    if let Some((algorithm, bits)) = key_of(&certificate) {
        told.one(Tag::CRYPTOGRAPHIC_ALGORITHM, Value::Enumeration(algorithm.0));
        told.one(Tag::CRYPTOGRAPHIC_LENGTH, Value::Integer(bits));
    }
    Ok(())
}

/// A certificate that is told what it is.
struct Told<'a>(&'a mut Birth);

impl Told<'_> {
    /// Sets an attribute that is the server's to set, whatever the client said.
    fn one(&mut self, tag: Tag, value: Value) {
        let name = AttributeName::Standard(tag);
        self.0.attributes.retain(|a| a.name != name);
        self.0.attributes.push(Attribute::new(tag, value));
    }

    /// The names as DER (KMIP 2.1 sections 4.61 to 4.63).
    fn names(&mut self, certificate: &X509Certificate<'_>) {
        let issuer = Node::bytes(Tag::ISSUER_DISTINGUISHED_NAME, certificate.issuer().as_raw());
        let subject = Node::bytes(Tag::SUBJECT_DISTINGUISHED_NAME, certificate.subject().as_raw());
        let serial =
            Node::bytes(Tag::CERTIFICATE_SERIAL_NUMBER, der_integer(certificate.raw_serial()));
        let with = |name: Node, tag: Tag, oid: &str| {
            let mut fields = vec![name];
            let others = alternative_names(certificate, oid);
            fields.extend(others.into_iter().map(|der| Node::bytes(tag, der)));
            Value::Structure(fields)
        };
        self.one(Tag::X_509_CERTIFICATE_IDENTIFIER, Value::Structure(vec![issuer.clone(), serial]));
        self.one(
            Tag::X_509_CERTIFICATE_ISSUER,
            with(issuer, Tag::ISSUER_ALTERNATIVE_NAME, "2.5.29.18"),
        );
        self.one(
            Tag::X_509_CERTIFICATE_SUBJECT,
            with(subject, Tag::SUBJECT_ALTERNATIVE_NAME, "2.5.29.17"),
        );
    }

    /// The names as text, as KMIP 1.0 has them (1.4 sections 3.10 to 3.12).
    fn old_names(&mut self, certificate: &X509Certificate<'_>) {
        let issuer = text_of(certificate.issuer());
        let serial = number_text(certificate.raw_serial());
        self.one(
            Tag::CERTIFICATE_IDENTIFIER,
            Value::Structure(vec![
                Node::text(Tag::ISSUER, issuer.clone()),
                Node::text(Tag::SERIAL_NUMBER, serial),
            ]),
        );
        self.one(
            Tag::CERTIFICATE_ISSUER,
            Value::Structure(vec![Node::text(Tag::CERTIFICATE_ISSUER_DISTINGUISHED_NAME, issuer)]),
        );
        self.one(
            Tag::CERTIFICATE_SUBJECT,
            Value::Structure(vec![Node::text(
                Tag::CERTIFICATE_SUBJECT_DISTINGUISHED_NAME,
                text_of(certificate.subject()),
            )]),
        );
    }

    /// The parts of a name, each an attribute of its own; several instances where it repeats.
    fn parts(&mut self, name: &X509Name<'_>, tags: Parts) {
        self.0.attributes.retain(|a| !tags.iter().any(|(_, tag)| a.name == (*tag).into()));
        for part in name.iter_attributes() {
            let oid = part.attr_type().to_id_string();
            if let Some((_, tag)) = tags.iter().find(|(known, _)| *known == oid)
                && let Ok(text) = part.as_str()
            {
                let value = Value::TextString(text.to_owned());
                self.0.attributes.push(Attribute::new(*tag, value));
            }
        }
    }
}

/// Object identifiers of a name's parts, and the attribute for each.
type Parts = &'static [(&'static str, Tag)];

const CN: &str = "2.5.4.3";
const O: &str = "2.5.4.10";
const OU: &str = "2.5.4.11";
const EMAIL: &str = "1.2.840.113549.1.9.1";
const C: &str = "2.5.4.6";
const ST: &str = "2.5.4.8";
const L: &str = "2.5.4.7";
const UID: &str = "0.9.2342.19200300.100.1.1";
const SERIAL_NUMBER: &str = "2.5.4.5";
const TITLE: &str = "2.5.4.12";
const DC: &str = "0.9.2342.19200300.100.1.25";
const DN_QUALIFIER: &str = "2.5.4.46";

const SUBJECT: Parts = &[
    (CN, Tag::CERTIFICATE_SUBJECT_CN),
    (O, Tag::CERTIFICATE_SUBJECT_O),
    (OU, Tag::CERTIFICATE_SUBJECT_OU),
    (EMAIL, Tag::CERTIFICATE_SUBJECT_EMAIL),
    (C, Tag::CERTIFICATE_SUBJECT_C),
    (ST, Tag::CERTIFICATE_SUBJECT_ST),
    (L, Tag::CERTIFICATE_SUBJECT_L),
    (UID, Tag::CERTIFICATE_SUBJECT_UID),
    (SERIAL_NUMBER, Tag::CERTIFICATE_SUBJECT_SERIAL_NUMBER),
    (TITLE, Tag::CERTIFICATE_SUBJECT_TITLE),
    (DC, Tag::CERTIFICATE_SUBJECT_DC),
    (DN_QUALIFIER, Tag::CERTIFICATE_SUBJECT_DN_QUALIFIER),
];

const ISSUER: Parts = &[
    (CN, Tag::CERTIFICATE_ISSUER_CN),
    (O, Tag::CERTIFICATE_ISSUER_O),
    (OU, Tag::CERTIFICATE_ISSUER_OU),
    (EMAIL, Tag::CERTIFICATE_ISSUER_EMAIL),
    (C, Tag::CERTIFICATE_ISSUER_C),
    (ST, Tag::CERTIFICATE_ISSUER_ST),
    (L, Tag::CERTIFICATE_ISSUER_L),
    (UID, Tag::CERTIFICATE_ISSUER_UID),
    (SERIAL_NUMBER, Tag::CERTIFICATE_ISSUER_SERIAL_NUMBER),
    (TITLE, Tag::CERTIFICATE_ISSUER_TITLE),
    (DC, Tag::CERTIFICATE_ISSUER_DC),
    (DN_QUALIFIER, Tag::CERTIFICATE_ISSUER_DN_QUALIFIER),
];

/// The short names that a distinguished name's text uses.
const SHORT: &[(&str, &str)] = &[
    (CN, "CN"),
    (O, "O"),
    (OU, "OU"),
    (EMAIL, "emailAddress"),
    (C, "C"),
    (ST, "ST"),
    (L, "L"),
    (UID, "UID"),
    (SERIAL_NUMBER, "serialNumber"),
    (TITLE, "title"),
    (DC, "DC"),
    (DN_QUALIFIER, "dnQualifier"),
    ("2.5.4.9", "STREET"),
    ("2.5.4.4", "SN"),
    ("2.5.4.42", "GN"),
];

/// A distinguished name as text (RFC 4514): the last part first.
fn text_of(name: &X509Name<'_>) -> String {
    let mut sets: Vec<String> =
        name.iter_rdn().map(|set| set.iter().map(part_of).collect::<Vec<_>>().join("+")).collect();
    sets.reverse();
    sets.join(",")
}

fn part_of(part: &AttributeTypeAndValue<'_>) -> String {
    let oid = part.attr_type().to_id_string();
    let name = SHORT.iter().find(|(known, _)| *known == oid).map(|(_, short)| *short);
    match part.as_str() {
        Ok(text) => format!("{}={}", name.unwrap_or(&oid), escaped(text)),
        Err(_) => format!("{oid}=#{}", hex(part.as_slice())),
    }
}

/// Escapes what has a meaning in a distinguished name's text (RFC 4514 section 2.4).
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let last = text.chars().count().saturating_sub(1);
    for (at, c) in text.chars().enumerate() {
        let special = matches!(c, '"' | '+' | ',' | ';' | '<' | '>' | '\\');
        if special || (at == 0 && matches!(c, '#' | ' ')) || (at == last && c == ' ') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// A serial number as text, as the standard's cases and common tools write it: capitals, without
/// the zero that only keeps the sign.
fn number_text(content: &[u8]) -> String {
    let digits = match content {
        [0, rest @ ..] if !rest.is_empty() => rest,
        all => all,
    };
    hex(digits).to_uppercase()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

/// A DER INTEGER with these content bytes. Serial numbers have 20 bytes at most.
fn der_integer(content: &[u8]) -> Vec<u8> {
    let mut der = vec![0x02, u8::try_from(content.len()).unwrap_or(u8::MAX)];
    der.extend_from_slice(content);
    der
}

/// The DER of each general name of an extension that holds nothing else.
fn alternative_names(certificate: &X509Certificate<'_>, oid: &str) -> Vec<Vec<u8>> {
    let Some(extension) = certificate.extensions().iter().find(|e| e.oid.to_id_string() == oid)
    else {
        return Vec::new();
    };
    let Some((_, mut rest)) = next_item(extension.value).and_then(|(all, _)| split_header(all))
    else {
        return Vec::new();
    };
    let mut names = Vec::new();
    while let Some((item, after)) = next_item(rest) {
        names.push(item.to_vec());
        rest = after;
    }
    names
}

/// The first DER item, header included, and what follows it.
fn next_item(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (header, content_len) = lengths(der)?;
    der.split_at_checked(header.checked_add(content_len)?)
}

/// A DER item's header and content.
fn split_header(item: &[u8]) -> Option<(&[u8], &[u8])> {
    let (header, _) = lengths(item)?;
    item.split_at_checked(header)
}

/// Length of the header and of the content, for items with a one-byte tag.
fn lengths(der: &[u8]) -> Option<(usize, usize)> {
    let first = usize::from(*der.get(1)?);
    if first < 0x80 {
        return Some((2, first));
    }
    let count = first & 0x7F;
    if count == 0 || count > 3 {
        return None;
    }
    let bytes = der.get(2..2 + count)?;
    Some((2 + count, bytes.iter().fold(0, |len, byte| len << 8 | usize::from(*byte))))
}

fn signature_algorithm(certificate: &X509Certificate<'_>) -> Option<DigitalSignatureAlgorithm> {
    use DigitalSignatureAlgorithm as Dsa;
    Some(match certificate.signature_algorithm.algorithm.to_id_string().as_str() {
        "1.2.840.113549.1.1.2" => Dsa::MD2_WITH_RSA_ENCRYPTION,
        "1.2.840.113549.1.1.4" => Dsa::MD5_WITH_RSA_ENCRYPTION,
        "1.2.840.113549.1.1.5" => Dsa::SHA_1_WITH_RSA_ENCRYPTION,
        "1.2.840.113549.1.1.14" => Dsa::SHA_224_WITH_RSA_ENCRYPTION,
        "1.2.840.113549.1.1.11" => Dsa::SHA_256_WITH_RSA_ENCRYPTION,
        "1.2.840.113549.1.1.12" => Dsa::SHA_384_WITH_RSA_ENCRYPTION,
        "1.2.840.113549.1.1.13" => Dsa::SHA_512_WITH_RSA_ENCRYPTION,
        "1.2.840.113549.1.1.10" => Dsa::RSASSA_PSS,
        "1.2.840.10040.4.3" => Dsa::DSA_WITH_SHA_1,
        "2.16.840.1.101.3.4.3.1" => Dsa::DSA_WITH_SHA224,
        "2.16.840.1.101.3.4.3.2" => Dsa::DSA_WITH_SHA256,
        "1.2.840.10045.4.1" => Dsa::ECDSA_WITH_SHA_1,
        "1.2.840.10045.4.3.1" => Dsa::ECDSA_WITH_SHA224,
        "1.2.840.10045.4.3.2" => Dsa::ECDSA_WITH_SHA256,
        "1.2.840.10045.4.3.3" => Dsa::ECDSA_WITH_SHA384,
        "1.2.840.10045.4.3.4" => Dsa::ECDSA_WITH_SHA512,
        "2.16.840.1.101.3.4.3.14" => Dsa::SHA3_256_WITH_RSA_ENCRYPTION,
        "2.16.840.1.101.3.4.3.15" => Dsa::SHA3_384_WITH_RSA_ENCRYPTION,
        "2.16.840.1.101.3.4.3.16" => Dsa::SHA3_512_WITH_RSA_ENCRYPTION,
        _ => return None,
    })
}

/// Algorithm and length in bits of the certified key.
fn key_of(certificate: &X509Certificate<'_>) -> Option<(CryptographicAlgorithm, i32)> {
    let spki = certificate.public_key();
    if let Ok(info) = PublicKey::from_spki(spki.raw).and_then(|key| key.info()) {
        return Some((info.algorithm, i32::try_from(info.bits).ok()?));
    }
    // Keys that are not computed with here are still told by name.
    let algorithm = match spki.algorithm.algorithm.to_id_string().as_str() {
        "1.2.840.10040.4.1" => CryptographicAlgorithm::DSA,
        "1.2.840.10045.2.1" => CryptographicAlgorithm::EC,
        "1.2.840.10046.2.1" => CryptographicAlgorithm::DH,
        _ => return None,
    };
    let bits = spki.parsed().ok()?.key_size();
    Some((algorithm, i32::try_from(bits).ok()?))
}

#[cfg(test)]
mod tests {
    use strongroom_kmip::ObjectType;

    use super::*;

    #[test]
    fn special_characters_of_a_name_are_escaped() {
        assert_eq!(escaped("Kmip Test"), "Kmip Test");
        assert_eq!(escaped("Widgets, Inc."), "Widgets\\, Inc.");
        assert_eq!(escaped(" #x "), "\\ #x\\ ");
    }

    #[test]
    fn general_names_are_cut_out_of_their_sequence() {
        // SEQUENCE { [2] "a", [2] "bc" }
        let der = [0x30, 7, 0x82, 1, b'a', 0x82, 2, b'b', b'c'];
        let (_, mut rest) = next_item(&der).and_then(|(all, _)| split_header(all)).unwrap();
        let (first, after) = next_item(rest).unwrap();
        assert_eq!(first, [0x82, 1, b'a']);
        rest = after;
        assert_eq!(next_item(rest).unwrap().0, [0x82, 2, b'b', b'c']);
        assert_eq!(next_item(&[0x30, 0x84, 1, 1, 1, 1]), None);
        assert_eq!(next_item(&[0x30, 5, 0]), None);
    }

    #[test]
    fn a_serial_number_keeps_its_leading_zero_in_der_but_not_as_text() {
        assert_eq!(der_integer(&[0, 0xEC]), [2, 2, 0, 0xEC]);
        assert_eq!(number_text(&[0, 0xEC]), "EC");
        assert_eq!(number_text(&[1]), "01");
    }

    #[test]
    fn a_pgp_certificate_is_not_looked_into() {
        let mut birth = Birth {
            object_type: ObjectType::CERTIFICATE,
            fields: vec![Node::enumeration(Tag::CERTIFICATE_TYPE, CertificateType::PGP)],
            block: None,
            attributes: Vec::new(),
            material: None,
            generated: false,
            id: None,
        };
        describe_certificate(&mut birth, b"-----BEGIN PGP").unwrap();
        assert!(birth.attributes.is_empty());
    }
}
