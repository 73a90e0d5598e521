//! A schema in the manner of kafka-connect-datagen's runs unchanged: tests/schemas/datagen.avsc.

use std::collections::BTreeSet;

use apache_avro::types::Value;

use crate::program::run;
use crate::records::Records;
use crate::records::field;
use crate::records::file_text;
use crate::records::items;
use crate::records::plain;
use crate::records::real;
use crate::records::text;
use crate::records::unscaled;
use crate::records::whole;

const FILE: &str = "tests/schemas/datagen.avsc";

fn matches(pattern: &str, value: &Value) {
    let pattern = regex::Regex::new(&format!("^(?:{pattern})$")).unwrap();
    assert!(pattern.is_match(text(value)), "{value:?}");
}

fn assert_address(address: &Value) {
    matches("City_[1-9]{0,2}", field(address, "city"));
    assert!((10_000..99_999).contains(&whole(field(address, "zipcode"))));
}

#[test]
fn every_field_is_as_its_annotation_says() {
    let records = Records::of(&file_text(FILE));
    for index in 0..300 {
        let record = records.value(index);
        let number = i64::try_from(index).unwrap();
        assert_eq!(whole(field(&record, "ordertime")), 1 + 10 * number);
        assert_eq!(whole(field(&record, "orderid")), number);
        assert!((-1..41).contains(&whole(field(&record, "userid"))));
        matches("Item_[1-9][0-9]{0,2}", field(&record, "itemid"));
        matches("https://www[.]acme[.]com/product/[a-z]{5}", field(&record, "url"));
        assert!((0.1..10.0).contains(&real(field(&record, "units"))));
        matches("MALE|FEMALE|OTHER", field(&record, "gender"));
        assert!((1_000..5_000).contains(&unscaled(field(&record, "price"))));
        assert!([70, 190].contains(&unscaled(field(&record, "tax"))));
        assert_eq!(*field(&record, "day"), Value::Date(18_000 + i32::try_from(index % 3).unwrap()));
        let time = 1_609_459_200_000 + 100_000 * number;
        assert_eq!(*field(&record, "ts"), Value::TimestampMillis(time));
        match plain(field(&record, "note")) {
            Value::Null => {}
            note => matches("[a-z]{1,4}", note),
        }
        assert_address(field(&record, "address"));
        assert_address(field(&record, "ship_to"));
        assert_ne!(field(&record, "address"), field(&record, "ship_to"), "each is drawn by itself");
        if *plain(field(&record, "bill_to")) != Value::Null {
            assert_address(field(&record, "bill_to"));
        }
        let card = field(&record, "card");
        let card = (whole(field(card, "card_id")), text(field(card, "card_number")));
        assert!([(1, "5048378382606681"), (2, "5100141929868226")].contains(&card), "{card:?}");
        let lines = items(field(&record, "order_lines"));
        assert!((1..6).contains(&lines.len()));
        for line in lines {
            assert!((1..101).contains(&whole(field(line, "product_id"))));
            matches("pizza|salad|wings", field(line, "category"));
            assert!([12.5, 0.75].contains(&real(field(line, "net_price"))));
        }
        assert!((1..=2).contains(&items(field(&record, "interests")).len()));
        let Value::Map(contact) = field(&record, "contactinfo") else { panic!() };
        assert!(contact.contains_key("phone"));
    }
    let notes: BTreeSet<_> =
        records.column("note", 100).iter().map(|note| *plain(note) == Value::Null).collect();
    assert_eq!(notes.len(), 2, "both branches come");
}

#[test]
fn the_program_prints_its_records_and_its_schema() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/schemas/datagen.avsc");
    for encoding in ["avro", "json"] {
        let said = run(&["sample", "--schema-file", file, "-n", "3", "--encoding", encoding]);
        assert_eq!(said.code, Some(0), "{}", said.log);
        let orders = said.out.lines().map(|line| {
            let record: serde_json::Value = serde_json::from_str(line).unwrap();
            record["orderid"].as_i64().unwrap()
        });
        assert!(orders.eq(0..3), "{}", said.out);
    }
    let said = run(&["schema", "--schema-file", file]);
    assert_eq!(said.code, Some(0), "{}", said.log);
    assert!(!said.out.contains("arg.properties") && !said.out.contains("//  "), "{}", said.out);
    for kept in ["connect.name", "format_as_time", "logicalType", "\"default\""] {
        assert!(said.out.contains(kept), "{kept}: {}", said.out);
    }
}
