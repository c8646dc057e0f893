"""The help articles of the shop, in passages."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Article:
    """One passage of the help pages."""

    id: str
    title: str
    text: str


ARTICLES = tuple(
    Article(*passage)
    for passage in (
        (
            "shipping.md#times",
            "Delivery times",
            (
                "Orders placed before 13:00 leave our Leipzig depot the same working day. Germany and "
                "Austria take 1 to 3 working days, the rest of the EU 3 to 6, Norway and Switzerland 4 to "
                "6."
            ),
        ),
        (
            "shipping.md#customs",
            "Customs",
            (
                "For Norway and Switzerland duties and taxes are prepaid at checkout; the courier asks for "
                "nothing at the door."
            ),
        ),
        (
            "shipping.md#cost",
            "Shipping cost",
            "Shipping is free from €60. Below that it is €4.90 in the EU and €9.90 to Norway and Switzerland.",
        ),
        (
            "shipping.md#lost",
            "Late and lost parcels",
            (
                "A parcel that has not moved for 5 working days counts as lost: we start a search and send "
                "a replacement or refund at once, as the customer likes."
            ),
        ),
        (
            "shipping.md#address",
            "Changing the address",
            (
                "The address of an order can be changed until it is shipped. After that only the carrier "
                "can redirect it, with the tracking number."
            ),
        ),
        (
            "returns.md#period",
            "Return period",
            (
                "Unused items can be returned within 30 days of delivery for a full refund. The label is "
                "free within the EU."
            ),
        ),
        (
            "returns.md#late",
            "Late returns",
            "Between 31 and 60 days we give store credit for the full price. After 60 days only faults are accepted.",
        ),
        (
            "returns.md#used",
            "Used items",
            (
                "Footwear may be tried indoors only. Tents that were pitched may be returned dry and clean "
                "within 30 days; we keep 10 % for cleaning where they are not."
            ),
        ),
        (
            "returns.md#exchange",
            "Exchanges",
            (
                "An exchange for another size is free. The new size is reserved for 10 days and leaves "
                "when the parcel's return label is scanned."
            ),
        ),
        (
            "refunds.md#time",
            "How long a refund takes",
            (
                "We send the refund within 2 working days of checking the return. Banks need another 5 to "
                "10 working days to show it."
            ),
        ),
        (
            "refunds.md#double",
            "Charged twice",
            "A second charge of the same amount for one order is always refunded in full, without a return.",
        ),
        (
            "refunds.md#price",
            "Price adjustment",
            "If the price falls within 14 days of the order we refund the difference on request.",
        ),
        (
            "refunds.md#credit",
            "Gift cards",
            (
                "Gift cards are valid for 3 years and cannot be paid out. What was paid by gift card is "
                "refunded to a new gift card."
            ),
        ),
        (
            "warranty.md#length",
            "Warranty",
            (
                "Everything we make has a 3 year warranty against faults in material and workmanship; zips "
                "and lever locks are included. Wear, burns and animals are not."
            ),
        ),
        (
            "warranty.md#repair",
            "Repairs",
            (
                "Our workshop repairs zips, seams, poles and baffles. Outside the warranty a zip costs "
                "€25, a pole section €12, a seam €15."
            ),
        ),
        (
            "care.md#down",
            "Washing down",
            (
                "Wash down at 30 °C with down soap, then tumble dry on low with two tennis balls until no "
                "clumps are left, about three hours."
            ),
        ),
        (
            "care.md#merino",
            "Washing merino",
            "Wash merino at 30 °C on a wool cycle and dry it flat. 40 °C shrinks it by up to 5 %. No softener.",
        ),
        (
            "care.md#shell",
            "Washing shell jackets",
            (
                "Wash at 40 °C with a technical soap, rinse twice, then tumble dry for 20 minutes to "
                "revive the water repellency. Re-proof when drops no longer bead."
            ),
        ),
        (
            "care.md#tent",
            "Caring for tents",
            (
                "Never store a tent wet. Clean it with lukewarm water and a sponge; re-seal seams with "
                "silicone sealer after some 60 nights."
            ),
        ),
        (
            "product.md#fjell",
            "Fjell 3-season tent",
            (
                "2.9 kg, 3 persons, 4000 mm floor. Comfortable to -4 °C; below that the outer frosts and "
                "condensation drips. Snow load is not tested."
            ),
        ),
        (
            "product.md#trail",
            "Trail 2 tent",
            "1.7 kg, 2 persons, trekking-pole pitch, 3000 mm floor. The fly is sold singly.",
        ),
        (
            "product.md#kestrel",
            "Kestrel sleeping bags",
            (
                "RDS-certified duck down, 700 fill power; the batch is traceable by the code on the hem. "
                "Kestrel 400: comfort 1 °C, limit -5 °C. Kestrel 800: comfort -9 °C, limit -16 °C."
            ),
        ),
        (
            "product.md#lofoten",
            "Lofoten packs",
            (
                "40 L weighs 1.3 kg, 60 L 1.7 kg. The 40 L is 54 x 32 x 22 cm and fits most airlines' "
                "cabin rule of 55 cm; back lengths S to L."
            ),
        ),
        (
            "product.md#skarv",
            "Skarv shell jacket",
            (
                "3 layers, 20,000 mm, hood adjustable and fits under a helmet. 415 g in M. Two-way zip, "
                "pit zips. PFAS-free finish."
            ),
        ),
        (
            "product.md#boots",
            "Vidda boots sizing",
            (
                "Vidda runs half a size small: take half a size more than your street shoe. The sole can "
                "be replaced for €89."
            ),
        ),
        (
            "product.md#stove",
            "Ember stove",
            (
                "3.1 kW, 290 g, screws on EN 417 cartridges. Boils 1 L in 4 minutes at 20 °C. Below -5 °C "
                "use a winter gas mix. Cartridges cannot be flown."
            ),
        ),
        (
            "product.md#filter",
            "Brook filter",
            (
                "0.1 micron hollow fibre: bacteria and protozoa, not viruses. 1 L a minute. A frozen wet "
                "filter must be replaced. 1,500 L life."
            ),
        ),
        (
            "product.md#torch",
            "Polaris head torch",
            "420 lm, USB-C, 4 h on high, 60 h on low. A slow blink means that the battery is below 15 %. IPX6.",
        ),
        (
            "account.md#login",
            "Signing in",
            (
                "Sign-in links are valid for 15 minutes. Where none arrives, look in the spam folder for "
                "no-reply@norhaven.example."
            ),
        ),
        (
            "account.md#delete",
            "Deleting an account",
            "Write to privacy@norhaven.example; everything but invoices is deleted within 30 days.",
        ),
        (
            "offers.md#codes",
            "Discount codes",
            "One code an order. TRAIL15 ended on 15 November. Newsletter codes are personal and valid for 30 days.",
        ),
        ("offers.md#student", "Students", "Students get 10 % with a valid ISIC card, not on sale items."),
    )
)
