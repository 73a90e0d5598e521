"""What a record of the domains `order_events`, `transaction_events`, `game_events` and
`shipment_events` may hold, and how the records that belong together follow each other.

It exists apart from the schemas on purpose, as `sensor_telemetry.py` does: the program draws its
values from the annotations of the .avsc files, so tables written a second time, by hand, from what is
so in each trade, are what can find a mistake in them.

    violations = RULES["order_events"](record, key)         # of one record
    violations = lifecycles("order_events", enumerate(records))  # of many

A record is a dict as fastavro decodes it, with logical types or without; a key is text or bytes.
"""

import datetime
import decimal
import re
import uuid

# What each country pays with, of all that occur in any domain.
CURRENCIES = {
    "AT": "EUR", "AU": "AUD", "BE": "EUR", "BR": "BRL", "CA": "CAD", "CH": "CHF", "DE": "EUR",
    "ES": "EUR", "FR": "EUR", "GB": "GBP", "IE": "EUR", "IT": "EUR", "JP": "JPY", "KR": "KRW",
    "MX": "MXN", "NL": "EUR", "PL": "PLN", "PT": "EUR", "SE": "SEK", "SG": "SGD", "SI": "EUR",
    "US": "USD",
}  # fmt: skip

# Currencies that have no smaller unit; all others here have cents.
WITHOUT_CENTS = frozenset({"JPY", "KRW"})

# Each town: country, latitude and longitude to about ten kilometres, time zone.
TOWNS = {
    "Aachen": ("DE", 50.8, 6.1, "Europe/Berlin"),
    "Albury": ("AU", -36.1, 146.9, "Australia/Sydney"),
    "Allentown": ("US", 40.6, -75.5, "America/New_York"),
    "Antwerp": ("BE", 51.2, 4.4, "Europe/Brussels"),
    "Berlin": ("DE", 52.5, 13.4, "Europe/Berlin"),
    "Birmingham": ("GB", 52.5, -1.9, "Europe/London"),
    "Blythe": ("US", 33.6, -114.6, "America/Los_Angeles"),
    "Cambridge": ("GB", 52.2, 0.1, "Europe/London"),
    "Chicago": ("US", 41.9, -87.6, "America/Chicago"),
    "Coimbra": ("PT", 40.2, -8.4, "Europe/Lisbon"),
    "Cologne": ("DE", 50.9, 7.0, "Europe/Berlin"),
    "Corsicana": ("US", 32.1, -96.5, "America/Chicago"),
    "Dallas": ("US", 32.8, -96.8, "America/Chicago"),
    "Dijon": ("FR", 47.3, 5.0, "Europe/Paris"),
    "Dublin": ("IE", 53.3, -6.3, "Europe/Dublin"),
    "Duisburg": ("DE", 51.4, 6.8, "Europe/Berlin"),
    "Elbląg": ("PL", 54.2, 19.4, "Europe/Warsaw"),
    "Felixstowe": ("GB", 52.0, 1.4, "Europe/London"),
    "Frankfurt": ("DE", 50.1, 8.7, "Europe/Berlin"),
    "Gdańsk": ("PL", 54.4, 18.6, "Europe/Warsaw"),
    "Goulburn": ("AU", -34.8, 149.7, "Australia/Sydney"),
    "Graz": ("AT", 47.1, 15.4, "Europe/Vienna"),
    "Hamburg": ("DE", 53.6, 10.0, "Europe/Berlin"),
    "Hanover": ("DE", 52.4, 9.7, "Europe/Berlin"),
    "Houston": ("US", 29.8, -95.4, "America/Chicago"),
    "Huntsville": ("US", 30.7, -95.6, "America/Chicago"),
    "Kingston": ("CA", 44.2, -76.5, "America/Toronto"),
    "Lisbon": ("PT", 38.7, -9.1, "Europe/Lisbon"),
    "Liège": ("BE", 50.6, 5.6, "Europe/Brussels"),
    "Ljubljana": ("SI", 46.1, 14.5, "Europe/Ljubljana"),
    "London": ("GB", 51.5, -0.1, "Europe/London"),
    "Los Angeles": ("US", 34.1, -118.2, "America/Los_Angeles"),
    "Lyon": ("FR", 45.8, 4.8, "Europe/Paris"),
    "Madrid": ("ES", 40.4, -3.7, "Europe/Madrid"),
    "Manchester": ("GB", 53.5, -2.2, "Europe/London"),
    "Marseille": ("FR", 43.3, 5.4, "Europe/Paris"),
    "Melbourne": ("AU", -37.8, 145.0, "Australia/Melbourne"),
    "Milan": ("IT", 45.5, 9.2, "Europe/Rome"),
    "Montreal": ("CA", 45.5, -73.6, "America/Toronto"),
    "Munich": ("DE", 48.1, 11.6, "Europe/Berlin"),
    "Nagoya": ("JP", 35.2, 136.9, "Asia/Tokyo"),
    "New York": ("US", 40.7, -74.0, "America/New_York"),
    "Northampton": ("GB", 52.2, -0.9, "Europe/London"),
    "Ontario": ("US", 34.1, -117.7, "America/Los_Angeles"),
    "Osaka": ("JP", 34.7, 135.5, "Asia/Tokyo"),
    "Oshawa": ("CA", 43.9, -78.9, "America/Toronto"),
    "Paris": ("FR", 48.9, 2.4, "Europe/Paris"),
    "Phoenix": ("US", 33.4, -112.1, "America/Phoenix"),
    "Porto": ("PT", 41.2, -8.6, "Europe/Lisbon"),
    "Płońsk": ("PL", 52.6, 20.4, "Europe/Warsaw"),
    "Requena": ("ES", 39.5, -1.1, "Europe/Madrid"),
    "Rotterdam": ("NL", 51.9, 4.5, "Europe/Amsterdam"),
    "Santarém": ("PT", 39.2, -8.7, "Europe/Lisbon"),
    "Shizuoka": ("JP", 35.0, 138.4, "Asia/Tokyo"),
    "Singapore": ("SG", 1.35, 103.8, "Asia/Singapore"),
    "Stuttgart": ("DE", 48.8, 9.2, "Europe/Berlin"),
    "Sydney": ("AU", -33.9, 151.2, "Australia/Sydney"),
    "Tarancón": ("ES", 40.0, -3.0, "Europe/Madrid"),
    "Tokyo": ("JP", 35.7, 139.7, "Asia/Tokyo"),
    "Toledo": ("US", 41.7, -83.5, "America/New_York"),
    "Toronto": ("CA", 43.7, -79.4, "America/Toronto"),
    "Trieste": ("IT", 45.6, 13.8, "Europe/Rome"),
    "Utrecht": ("NL", 52.1, 5.1, "Europe/Amsterdam"),
    "Valencia": ("ES", 39.5, -0.4, "Europe/Madrid"),
    "Vienna": ("AT", 48.2, 16.4, "Europe/Vienna"),
    "Warsaw": ("PL", 52.2, 21.0, "Europe/Warsaw"),
    "Würzburg": ("DE", 49.8, 9.9, "Europe/Berlin"),
    "Zurich": ("CH", 47.4, 8.5, "Europe/Zurich"),
}

# How far a place may be from where the table has its town, in degrees.
DEGREES_OFF = 0.1

# Sales tax or value added tax, in per cent, where the customers of the shop live.
TAX_RATES = {
    "New York": 8.875, "Chicago": 10.25, "Berlin": 19, "Hamburg": 19, "Lyon": 20, "Manchester": 20,
    "Utrecht": 21, "Valencia": 21, "Milan": 22, "Osaka": 10, "Toronto": 13, "Melbourne": 10,
}  # fmt: skip

# The warehouse that serves each of them, by the airport near it.
WAREHOUSES = {
    "New York": "EWR", "Chicago": "ORD", "Berlin": "LEJ", "Hamburg": "HAM", "Lyon": "LYS",
    "Manchester": "MAN", "Utrecht": "AMS", "Valencia": "VLC", "Milan": "MXP", "Osaka": "KIX",
    "Toronto": "YYZ", "Melbourne": "MEL",
}  # fmt: skip

# Merchant category codes: what they stand for, and the least and most that is paid there, in minor
# units.
TRADES = {
    "4111": ("commuter transport", 100, 2_000),
    "4511": ("airline", 4_000, 100_000),
    "5311": ("department store", 500, 30_000),
    "5411": ("grocery store", 100, 20_000),
    "5541": ("service station", 1_000, 15_000),
    "5651": ("clothing store", 1_000, 30_000),
    "5732": ("electronics store", 1_000, 150_000),
    "5812": ("restaurant", 1_000, 20_000),
    "5814": ("fast food", 300, 4_000),
    "5912": ("drug store", 200, 8_000),
    "5942": ("book store", 500, 8_000),
    "7011": ("hotel", 5_000, 150_000),
    "7832": ("cinema", 800, 7_000),
}

# What a currency pair is between, roughly, in the years that these data are about.
RATES = {
    "AUD/USD": (0.60, 0.70), "EUR/CHF": (0.90, 0.97), "EUR/GBP": (0.84, 0.90),
    "EUR/PLN": (4.1, 4.4), "EUR/USD": (1.05, 1.20), "GBP/USD": (1.25, 1.40),
    "USD/CAD": (1.30, 1.45), "USD/JPY": (140, 160), "USD/SGD": (1.25, 1.35),
}  # fmt: skip

# Response codes of a card's bank (ISO 8583, field 39) that say no.
DECLINES = frozenset({"05", "51", "54", "61"})

# Players' countries: language and server region of each.
PLAYERS = {
    "US": ({"en-US", "es-US"}, {"us-east", "us-west"}), "CA": ({"fr-CA"}, {"us-east"}),
    "BR": ({"pt-BR"}, {"sa-east"}), "MX": ({"es-MX"}, {"us-west"}),
    "DE": ({"de-DE"}, {"eu-central"}), "FR": ({"fr-FR"}, {"eu-west"}),
    "PL": ({"pl-PL"}, {"eu-central"}), "SE": ({"sv-SE"}, {"eu-north"}),
    "GB": ({"en-GB"}, {"eu-west"}), "JP": ({"ja-JP"}, {"ap-northeast"}),
    "KR": ({"ko-KR"}, {"ap-northeast"}), "AU": ({"en-AU"}, {"ap-southeast"}),
}  # fmt: skip

# What an offer of the game's store costs: about so many US dollars, to a third more or less; and
# what about a dollar is in each currency, in minor units.
OFFERS = {
    "gems_80": 0.99, "starter_pack": 2.99, "gems_500": 4.99, "gems_1200": 9.99, "season_pass": 14.99
}  # fmt: skip
DOLLAR = {
    "USD": 100, "EUR": 100, "GBP": 90, "CAD": 140, "AUD": 145, "BRL": 520, "PLN": 430,
    "MXN": 1_950, "SEK": 1_150, "JPY": 160, "KRW": 1_310,
}  # fmt: skip

ZONES = frozenset(
    "Ashen Coast/Cinder Vale/Frostmere/Gloamwood/Hollow Deep/Ironspire/Sunken Keep/Windscar".split("/")
)
GRANTS = {
    "gems_80": "gems", "gems_500": "gems", "gems_1200": "gems", "starter_pack": "starter_chest",
    "season_pass": "season_mount",
}  # fmt: skip
LOOT = frozenset({"iron_sword", "oak_bow", "healing_potion", "dragon_scale"})

# Lanes of shippers: origin, hub, a town on the road, destination; and the road's length about
# (kilometres), which is more than the straight line.
LANES = {
    "DEHAM-DEMUC": ("Hamburg", "Hanover", "Würzburg", "Munich", 790),
    "NLRTM-DESTR": ("Rotterdam", "Duisburg", "Frankfurt", "Stuttgart", 630),
    "BEANR-DECGN": ("Antwerp", "Liège", "Aachen", "Cologne", 220),
    "FRMRS-FRPAR": ("Marseille", "Lyon", "Dijon", "Paris", 800),
    "ESVLC-ESMAD": ("Valencia", "Requena", "Tarancón", "Madrid", 360),
    "PTLIS-PTOPO": ("Lisbon", "Santarém", "Coimbra", "Porto", 315),
    "ITTRS-ATVIE": ("Trieste", "Ljubljana", "Graz", "Vienna", 480),
    "PLGDN-PLWAW": ("Gdańsk", "Elbląg", "Płońsk", "Warsaw", 340),
    "GBFXT-GBBHM": ("Felixstowe", "Cambridge", "Northampton", "Birmingham", 250),
    "USNYC-USCHI": ("New York", "Allentown", "Toledo", "Chicago", 1_280),
    "USLAX-USPHX": ("Los Angeles", "Ontario", "Blythe", "Phoenix", 600),
    "USHOU-USDAL": ("Houston", "Huntsville", "Corsicana", "Dallas", 385),
    "CATOR-CAMTR": ("Toronto", "Oshawa", "Kingston", "Montreal", 540),
    "AUSYD-AUMEL": ("Sydney", "Goulburn", "Albury", "Melbourne", 880),
    "JPTYO-JPOSA": ("Tokyo", "Shizuoka", "Nagoya", "Osaka", 500),
}

# Digits of a tracking number.
TRACKING_DIGITS = {"NorthStar Freight": 15, "BlueHarbor Parcel": 16, "Kestrel Express": 14}

DELAYS = frozenset({"TRAFFIC", "WEATHER", "VEHICLE_BREAKDOWN"})
FAILURES = frozenset({"NOBODY_HOME", "ADDRESS_UNCLEAR", "REFUSED"})

# The courses that an order, a payment, a session and a shipment take, event by event.
COURSES = {
    "order_events": {
        "fulfilled": "cart_item_added cart_checkout order_placed order_paid stock_reserved"
        " order_updated order_shipped order_delivered",
        "on_offer": "price_updated cart_item_added order_placed order_paid stock_reserved"
        " order_updated order_shipped order_delivered",
        "cancelled": "cart_item_added cart_checkout order_placed order_paid stock_reserved"
        " order_cancelled stock_released order_refunded",
        "returned": "cart_item_added order_placed order_paid stock_reserved order_shipped"
        " order_delivered order_returned order_refunded",
        "abandoned": "price_updated cart_item_added cart_viewed cart_checkout cart_viewed"
        " cart_viewed cart_emptied cart_abandoned",
    },
    "transaction_events": {
        "settled": "payment_started payment_approved payment_captured payment_cleared"
        " payment_settled account_update",
        "foreign_card": "market_data payment_started payment_approved payment_captured"
        " market_data payment_settled",
        "refunded": "payment_started payment_approved payment_captured payment_settled"
        " payment_refunded account_update",
        "declined": "payment_started payment_declined payment_retried payment_declined"
        " payment_dropped account_update",
        "fraud": "market_data payment_started payment_approved fraud_alert payment_reversed"
        " account_update",
    },
    "game_events": {
        "levels_up": "session_started quest_started enemy_defeated item_looted enemy_defeated"
        " quest_completed level_up session_ended",
        "achieves": "session_started quest_started enemy_defeated player_died enemy_defeated"
        " quest_completed achievement session_ended",
        "buys": "session_started store_opened purchase_begun purchase_paid item_granted"
        " quest_started enemy_defeated session_ended",
        "card_fails": "session_started quest_started player_died store_opened purchase_begun"
        " purchase_failed enemy_defeated session_ended",
    },
    "shipment_events": {
        "delivered": "label_created picked_up arrived_at_hub location_update at_depot"
        " out_for_delivery near_recipient delivered",
        "delayed": "label_created picked_up arrived_at_hub delayed at_depot out_for_delivery"
        " near_recipient delivered",
        "second_attempt": "label_created picked_up arrived_at_hub location_update at_depot"
        " out_for_delivery delivery_failed delivered",
        "held": "label_created picked_up arrived_at_hub location_update at_depot"
        " out_for_delivery delivery_failed held_at_depot",
    },
}
COURSES = {
    domain: {scenario: tuple(course.split()) for scenario, course in courses.items()}
    for domain, courses in COURSES.items()
}
EVENT_TYPES = {
    domain: frozenset(event for course in courses.values() for event in course)
    for domain, courses in COURSES.items()
}

# What a lifecycle is known by, who it belongs to, and what all its events share.
IDS = {
    "order_events": "order_id",
    "transaction_events": "transaction_id",
    "game_events": "session_id",
    "shipment_events": "tracking_number",
}
SOURCES = {
    "order_events": "customer_id",
    "transaction_events": "account_id",
    "game_events": "player_id",
    "shipment_events": "shipper_id",
}
ONCE = {
    "order_events": "scenario channel category product_id unit_price quantity amount",
    "transaction_events": "scenario card_type entry_mode amount",
    "game_events": "scenario zone",
    "shipment_events": "scenario service pieces chargeable_weight charge",
}
FIXED_FOR_SOURCE = {
    "order_events": "loyalty_tier payment_method country city time_zone locale currency"
    " currency_exponent tax_rate storefront warehouse_id",
    "transaction_events": "facilitator_id terminal_id mcc merchant_category country city"
    " time_zone currency currency_exponent fx_pair",
    "game_events": "guild_id platform client_version character_class offer country locale"
    " server_region currency currency_exponent",
    "shipment_events": "carrier lane_id origin_city origin_country origin_locode"
    " destination_city destination_country destination_locode time_zone distance currency"
    " currency_exponent",
}
ONCE = {domain: tuple(fields.split()) for domain, fields in ONCE.items()}
FIXED_FOR_SOURCE = {domain: tuple(f.split()) for domain, f in FIXED_FOR_SOURCE.items()}

_HEX_24 = re.compile(r"[0-9a-f]{24}\Z")
_EPOCH = datetime.date(1970, 1, 1)


def order_events(record, key=None):
    """Returns the names of the fields of an order's event that hold what they must not."""
    return _guarded(_order, "order_events", record, key)


def transaction_events(record, key=None):
    """Returns the names of the fields of a payment's event that hold what they must not."""
    return _guarded(_transaction, "transaction_events", record, key)


def game_events(record, key=None):
    """Returns the names of the fields of a session's event that hold what they must not."""
    return _guarded(_game, "game_events", record, key)


def shipment_events(record, key=None):
    """Returns the names of the fields of a shipment's event that hold what they must not."""
    return _guarded(_shipment, "shipment_events", record, key)


RULES = {
    "order_events": order_events,
    "transaction_events": transaction_events,
    "game_events": game_events,
    "shipment_events": shipment_events,
}


def lifecycles(domain, indexed, complete=False):
    """Judges records by each other: `indexed` is their indices and themselves, in any order.

    The events of a lifecycle have one source and share what is drawn once, and come in the order
    of its course, each at most once (all of them, when `complete`). A source's own fields do not
    change either, and no event id comes twice. Returns what is not so, as texts.
    """
    violations, events, ends, of_source = [], {}, {}, {}
    event_ids = set()
    shared = (SOURCES[domain], *ONCE[domain])
    for index, record in sorted(indexed, key=lambda pair: pair[0]):
        number, source = str(record[IDS[domain]]), record[SOURCES[domain]]
        if record["event_id"] in event_ids:
            violations.append(f"event_id {record['event_id']} comes twice")
        event_ids.add(record["event_id"])
        here = {name: record[name] for name in shared}
        before, course = events.setdefault(number, (here, []))
        violations += [
            f"{number}: {name} was {before[name]} and is {here[name]} at {index}"
            for name in shared
            if before[name] != here[name]
        ]
        course.append(record["event_type"])
        if domain == "game_events":
            if record["session_seconds"] <= ends.get(number, -1):
                violations.append(f"{number}: session_seconds does not grow at {index}")
            ends[number] = record["session_seconds"]
        own = tuple(record[name] for name in FIXED_FOR_SOURCE[domain])
        if of_source.setdefault(source, own) != own:
            violations.append(f"{source}: what is fixed for it changed at {index}")
    for number, (here, seen) in events.items():
        course = COURSES[domain].get(here["scenario"], ())
        rest = iter(course)
        is_in_order = all(event in rest for event in seen)
        if not is_in_order or (complete and len(seen) != len(course)):
            violations.append(f"{number}: {here['scenario']} went {' '.join(seen)}")
    return violations


def _guarded(rule, domain, record, key):
    """Runs a rule; a field that is absent, or of another type than the rule's, is a violation."""
    try:
        return _common(domain, record, key) + rule(record)
    except (KeyError, TypeError, AttributeError, ValueError, decimal.DecimalException) as error:
        return [f"{type(error).__name__}: {error}"]


def _common(domain, record, key):
    """Judges what records of all domains have."""
    wrong = _Wrong()
    wrong.unless("event_id", _HEX_24.match(record["event_id"]))
    source = record[SOURCES[domain]]
    if key is not None:
        text = key.decode() if isinstance(key, bytes) else key
        wrong.unless("key", text == source)
    courses = COURSES[domain]
    wrong.unless("scenario", record["scenario"] in courses)
    wrong.unless("event_type", record["event_type"] in courses.get(record["scenario"], ()))
    wrong.unless("time", _millis(record["time"]) > 0)
    currency = record["currency"]
    country = record["origin_country"] if domain == "shipment_events" else record["country"]
    wrong.unless("currency", currency == CURRENCIES[country])
    wrong.unless("currency_exponent", record["currency_exponent"] == _exponent(currency))
    return wrong.fields


def _order(record):
    wrong = _Wrong()
    event, city = record["event_type"], record["city"]
    wrong.unless("customer_id", _index(record["customer_id"], "cust-", 7) is not None)
    wrong.unless("order_id", _HEX_24.match(record["order_id"]))
    wrong.unless("loyalty_tier", record["loyalty_tier"] in ("none", "silver", "gold"))
    wrong.unless(
        "payment_method",
        record["payment_method"] in ("card", "wallet", "bank_transfer", "pay_later"),
    )
    wrong.unless("channel", record["channel"] in ("web", "app", "marketplace"))
    wrong.unless("city", TOWNS[city][0] == record["country"] and city in TAX_RATES)
    wrong.unless("time_zone", record["time_zone"] == TOWNS[city][3])
    wrong.unless("locale", re.match(rf"[a-z]{{2}}-{record['country']}\Z", record["locale"]))
    host = {"GB": "uk"}.get(record["country"], record["country"].lower())
    wrong.unless("storefront", record["storefront"] == f"{host}.shop.example")
    warehouse = rf"WH-{WAREHOUSES[city]}-[1-9]\Z"
    wrong.unless("warehouse_id", re.match(warehouse, record["warehouse_id"]))
    wrong.unless("tax_rate", record["tax_rate"] == TAX_RATES[city])
    wrong.unless(
        "category",
        record["category"] in ("apparel", "home", "electronics", "sports", "toys", "garden"),
    )
    wrong.unless("product_id", 10_000_000 <= record["product_id"] <= 99_999_999)
    wrong.unless("unit_price", 500 <= record["unit_price"] <= 30_000)
    wrong.unless("quantity", 1 <= record["quantity"] <= 4)
    wrong.unless("amount", record["amount"] == record["unit_price"] * record["quantity"])
    change, level, reason = record["price_change"], record["stock_level"], record["cancel_reason"]
    wrong.only("price_change", change, event == "price_updated", lambda: -60 <= change < 0)
    is_stock = event in ("stock_reserved", "stock_released")
    least = record["quantity"] if event == "stock_released" else 0
    wrong.only("stock_level", level, is_stock, lambda: least <= level <= 500)
    reasons = ("CUSTOMER_REQUEST", "OUT_OF_STOCK", "ADDRESS_INVALID", "FRAUD_SUSPECTED")
    wrong.only("cancel_reason", reason, event == "order_cancelled", lambda: reason in reasons)
    return wrong.fields


def _transaction(record):
    wrong = _Wrong()
    event, city = record["event_type"], record["city"]
    index = _index(record["account_id"], "acct-", 8)
    wrong.unless("account_id", index is not None)
    if index is not None:
        wrong.unless("facilitator_id", record["facilitator_id"] == f"payfac-{index // 50:05d}")
        wrong.unless("terminal_id", record["terminal_id"] == f"term-{index:09d}")
    wrong.unless("transaction_id", _HEX_24.match(record["transaction_id"]))
    name, least, most = TRADES[record["mcc"]]
    wrong.unless("merchant_category", record["merchant_category"] == name)
    wrong.unless("amount", least <= record["amount"] <= most)
    wrong.unless("city", TOWNS[city][0] == record["country"])
    wrong.unless("time_zone", record["time_zone"] == TOWNS[city][3])
    pair = record["fx_pair"]
    wrong.unless("fx_pair", record["currency"] in pair.split("/") and pair in RATES)
    wrong.unless("card_type", record["card_type"] in ("debit", "credit", "prepaid"))
    wrong.unless(
        "entry_mode", record["entry_mode"] in ("contactless", "chip", "ecommerce", "magstripe")
    )
    code, balance = record["response_code"], record["balance"]
    is_answer = event in ("payment_approved", "payment_declined")
    wrong.only(
        "response_code",
        code,
        is_answer,
        lambda: code in DECLINES if event == "payment_declined" else code == "00",
    )
    wrong.only("balance", balance, event == "account_update", lambda: 0 < balance <= 50_000_000)
    score, bid = record["fraud_score"], record["fx_bid"]
    wrong.only("fraud_score", score, event == "fraud_alert", lambda: 700 <= score <= 999)
    low, high = RATES[pair]
    wrong.only("fx_bid", bid, event == "market_data", lambda: low <= _number(bid, 5) <= high)
    return wrong.fields


def _game(record):
    wrong = _Wrong()
    event, offer = record["event_type"], record["offer"]
    index = _index(record["player_id"], "player-", 8)
    wrong.unless("player_id", index is not None)
    if index is not None:
        wrong.unless("guild_id", record["guild_id"] == f"guild-{index // 25:05d}")
    wrong.unless("session_id", uuid.UUID(str(record["session_id"])).version == 4)
    wrong.unless("platform", record["platform"] in ("pc", "console", "android", "ios"))
    wrong.unless("client_version", re.match(r"4\.1[12]\.\d\Z", record["client_version"]))
    wrong.unless(
        "character_class",
        record["character_class"] in ("warrior", "ranger", "mage", "cleric", "rogue", "engineer"),
    )
    locales, regions = PLAYERS[record["country"]]
    wrong.unless("locale", record["locale"] in locales)
    wrong.unless("server_region", record["server_region"] in regions)
    wrong.unless("zone", record["zone"] in ZONES)
    for name, low, high in (("x", -2_000, 2_000), ("y", -2_000, 2_000), ("z", 0, 350)):
        wrong.unless(name, low <= record[name] <= high)
    wrong.unless("ping", 12 <= record["ping"] <= 140)
    seconds = record["session_seconds"]
    wrong.unless("session_seconds", 0 <= seconds <= 5_400)
    wrong.unless("session_seconds", (seconds == 0) == (event == "session_started"))
    gains = {"enemy_defeated": (20, 80), "quest_completed": (500, 1_500), "achievement": (250, 250)}
    low, high = gains.get(event, (0, 0))
    wrong.unless("xp_gained", low <= record["xp_gained"] <= high)
    item, achievement, price = record["item"], record["achievement"], record["price"]
    is_item = event in ("item_looted", "item_granted")
    wrong.only(
        "item",
        item,
        is_item,
        lambda: item in LOOT if event == "item_looted" else item == GRANTS[offer],
    )
    known = ("first_blood", "untouchable", "explorer", "quest_master")
    wrong.only("achievement", achievement, event == "achievement", lambda: achievement in known)
    is_priced = event in ("store_opened", "purchase_begun", "purchase_paid", "purchase_failed")
    usual = OFFERS[offer] * DOLLAR[record["currency"]]
    wrong.only("price", price, is_priced, lambda: usual / 1.34 <= price <= usual * 1.34)
    return wrong.fields


def _shipment(record):
    wrong = _Wrong()
    event = record["event_type"]
    wrong.unless("shipper_id", _index(record["shipper_id"], "shipper-", 6) is not None)
    carrier, tracking = record["carrier"], record["tracking_number"]
    wrong.unless("tracking_number", len(str(tracking)) == TRACKING_DIGITS[carrier])
    origin, hub, road, destination, kilometres = LANES[record["lane_id"]]
    for name, town in (("origin", origin), ("destination", destination)):
        country, locode = record[f"{name}_country"], record[f"{name}_locode"]
        wrong.unless(f"{name}_city", record[f"{name}_city"] == town)
        wrong.unless(f"{name}_country", country == TOWNS[town][0])
        wrong.unless(f"{name}_locode", re.match(rf"{country}[A-Z2-9]{{3}}\Z", locode))
    locodes = f"{record['origin_locode']}-{record['destination_locode']}"
    wrong.unless("lane_id", record["lane_id"] == locodes)
    wrong.unless("time_zone", record["time_zone"] == TOWNS[origin][3])
    wrong.unless("distance", abs(record["distance"] - kilometres) <= kilometres / 20)
    wrong.unless("service", record["service"] in ("economy", "standard", "express"))
    wrong.unless("pieces", 1 <= record["pieces"] <= 4)
    weight = record["chargeable_weight"]
    wrong.unless("chargeable_weight", 1 <= weight <= 32)
    wrong.unless("charge", weight * 60 <= record["charge"] <= weight * 240)
    place = {
        "label_created": origin, "picked_up": origin, "arrived_at_hub": hub,
        "location_update": road, "delayed": road,
    }.get(event, destination)  # fmt: skip
    location, (country, latitude, longitude, _) = record["location"], TOWNS[place]
    wrong.unless("location.place", location["place"] == place)
    wrong.unless("location.country", location["country"] == country)
    wrong.unless("location.latitude", abs(location["latitude"] - latitude) <= DEGREES_OFF)
    wrong.unless("location.longitude", abs(location["longitude"] - longitude) <= DEGREES_OFF)
    due, reason, proof = record["due_date"], record["exception_reason"], record["proof"]
    today = _millis(record["time"]) // 86_400_000
    is_new = event == "label_created"
    wrong.only("due_date", due, is_new, lambda: 1 <= _days(due) - today <= 4)
    reasons = {"delayed": DELAYS, "delivery_failed": FAILURES}.get(event, ())
    wrong.only("exception_reason", reason, bool(reasons), lambda: reason in reasons)
    proofs = ("signature", "photo", "pin")
    wrong.only("proof", proof, event == "delivered", lambda: proof in proofs)
    return wrong.fields


class _Wrong:
    """The names of fields that hold what they must not."""

    def __init__(self):
        self.fields = []

    def unless(self, name, is_well):
        """Notes a field unless it is well."""
        if not is_well:
            self.fields.append(name)

    def only(self, name, value, is_due, is_well):
        """Notes a field that is set when it is not due, absent when it is, or not well."""
        self.unless(name, is_well() if is_due and value is not None else not is_due and value is None)


def _index(text, prefix, digits):
    """Returns the number behind the prefix, where it has so many digits."""
    number = text.removeprefix(prefix)
    well = number != text and len(number) == digits and number.isdecimal()
    return int(number) if well else None


def _exponent(currency):
    return 0 if currency in WITHOUT_CENTS else 2


def _millis(value):
    """Returns a timestamp in milliseconds since 1970, whether it was decoded to a datetime or not."""
    if isinstance(value, datetime.datetime):
        return round(value.timestamp() * 1_000)
    return value


def _days(value):
    """Returns a date in days since 1970, whether it was decoded to a date or not."""
    return (value - _EPOCH).days if isinstance(value, datetime.date) else value


def _number(value, scale):
    """Returns a decimal, whether it was decoded to one or left as bytes."""
    if isinstance(value, bytes):
        return decimal.Decimal(int.from_bytes(value, "big", signed=True)).scaleb(-scale)
    return value
