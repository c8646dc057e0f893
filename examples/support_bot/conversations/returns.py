"""Returns, exchanges and the warranty."""

from __future__ import annotations

from .turn import Call, Conversation, Turn, lookup

CONVERSATIONS = (
    Conversation(
        "return_pots",
        (
            Turn(
                "Return two of the three cooking pots from order {order}",
                "I have opened a return for the {item}; the label is in your inbox. Please send it within 14 days.",
                "returns",
                lookup(Call("open_return", {"reason": "not needed"})),
            ),
        ),
        item="Ember pot set",
        days_ago=10,
    ),
    Conversation(
        "late_return",
        (
            Turn(
                "Is it still possible to return the pack from {order}? I know it's been over a month, it was a "
                "present.",
                "Between 31 and 60 days after delivery we give store credit for the full price, so {price} for "
                "your {item}. Shall I open the return?",
                "returns",
                lookup(),
                poor="Yes, you can return it within 90 days for a full refund.",
            ),
            Turn(
                "yes please",
                "Done: return RT-{order} is open and the label is in your inbox. The credit of {price} follows "
                "within 2 working days of our checking it.",
                "returns",
                (Call("open_return", {"reason": "late, store credit"}),),
            ),
        ),
        item="Lofoten 60 L pack",
        days_ago=44,
    ),
    Conversation(
        "pitched_tent",
        (
            Turn(
                "We used the Fjell tent one night and it is too small for us three. Can it go back? order {order}",
                "Yes, tents that were pitched may come back within 30 days if they are dry and clean; otherwise "
                "we keep 10 % for the cleaning. Shall I send you the label?",
                "returns",
                lookup(),
            ),
            Turn(
                "It is clean, yes send it",
                "The label is on its way. Please pack the tent dry and include the pegs.",
                "returns",
                (Call("open_return", {"reason": "too small, pitched once"}),),
            ),
            Turn(
                "which one would be better for 3 adults?",
                "We have no larger tent than the Fjell, which is made for 3 persons. I would rather ask a "
                "colleague than guess at other brands.",
                "product",
                poor="I would recommend the Fjell 5 family tent, it is on sale for €399 right now.",
            ),
        ),
        item="Fjell 3-season tent",
        days_ago=16,
    ),
    Conversation(
        "worn_boots",
        (
            Turn(
                "Wore the boots from {order} on a three day hike and now my heel hurts. I want to return them.",
                "I am sorry about your heel. Footwear can be returned when it was tried indoors only, so after a "
                "hike we cannot take it back; if there is a fault, the 3 year warranty covers it. Is anything "
                "broken?",
                "returns",
                lookup(),
                poor="Of course! You have 30 days to return them, used or not. Here is your label.",
            ),
            Turn(
                "no they're just uncomfortable. not happy.",
                "I understand. The Vidda runs half a size small, so a heel lift or a thinner sock may help; a "
                "colleague who fits boots can call you tomorrow if you like.",
                "complaint",
            ),
        ),
        item="Vidda hiking boots",
        days_ago=14,
    ),
    Conversation(
        "exchange_label",
        (
            Turn(
                "Still waiting for the exchange label for {order}, asked on Monday",
                "I have sent the label again just now. Your new size is reserved for 10 days and leaves as soon "
                "as the label is scanned.",
                "returns",
                lookup(Call("open_return", {"reason": "exchange for another size"})),
            ),
            Turn("Got it this time!", "Good. You will get a message when the new size leaves.", "other"),
        ),
        item="Sti trail shoes",
        days_ago=13,
        handover="The customer waited for an exchange label; it was sent again and arrived. Nothing is open.",
    ),
    Conversation(
        "broken_zip",
        (
            Turn(
                "The zip on my shell jacket broke after two weeks, can I get my money back?",
                "Zips are covered by our 3 year warranty, and within 30 days you may also return the jacket for "
                "a full refund. I have opened a return for order {order}: write 'repair' or 'refund' on the slip.",
                "warranty",
                lookup(Call("open_return", {"reason": "broken zip"})),
            ),
            Turn(
                "How long would the repair take?",
                "The help pages do not give a time for repairs, so I will ask the workshop and email you today.",
                "warranty",
                poor="Repairs take exactly 5 days.",
            ),
        ),
        item="Skarv shell jacket",
        days_ago=15,
    ),
    Conversation(
        "pole_lock",
        (
            Turn(
                "The lever lock of my Ridge poles slips, bought 2 years ago",
                "Lever locks are covered by the 3 year warranty. If you give me the order number I will open the "
                "repair.",
                "warranty",
            ),
            Turn(
                "{order}",
                "Thank you. The return is open and the label is in your inbox; the repair costs you nothing.",
                "warranty",
                lookup(Call("open_return", {"reason": "warranty: lever lock slips"})),
            ),
        ),
        item="Ridge trekking poles",
        days_ago=700,
        status="delivered",
    ),
    Conversation(
        "dog_bite",
        (
            Turn(
                "My dog chewed the strap of my pack (order {order}). Warranty?",
                "Animals are not covered, I am afraid. Our workshop can sew it: a seam costs €15.",
                "warranty",
                lookup(),
                poor="Our warranty covers all damage for 3 years, so yes! Send it in.",
            ),
            Turn(
                "haha fair enough. How do I send it in?",
                "I have opened a repair for you; the label is in your inbox. Please keep the dog away from the parcel.",
                "warranty",
                (Call("open_return", {"reason": "repair: strap seam"}),),
            ),
        ),
        item="Lofoten 40 L pack",
        days_ago=120,
        status="delivered",
    ),
    Conversation(
        "cold_tent_pole",
        (
            Turn(
                "A tent pole snapped in wind last weekend, order {order}. Is that a fault or my problem?",
                "A break in wind can be either, so the workshop has to see it: faults are repaired free, else a "
                "section costs €12. The label is in your inbox.",
                "warranty",
                lookup(Call("open_return", {"reason": "pole section snapped"})),
            ),
        ),
        item="Fjell 3-season tent",
        days_ago=60,
        status="delivered",
    ),
)
