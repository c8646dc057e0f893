"""Where is my order, can I change it, it arrived wrong."""

from __future__ import annotations

from .turn import Call, Conversation, Turn, lookup

CONVERSATIONS = (
    Conversation(
        "late_parcel",
        (
            Turn(
                "Where is my order {order}? It was due {due}.",
                "Your {item} left our Leipzig depot on {placed} and {carrier} has it out for delivery today. You "
                "can follow it with {tracking}.",
                "order_status",
                lookup(Call("track_parcel")),
                poor="Your order will definitely arrive tomorrow before noon! Is there anything else I can help with?",
            ),
            Turn(
                "The tracking says out for delivery but nobody came. Should I wait at home tomorrow too?",
                "I am sorry about that. {carrier} tries a second time on the next working day; if you cannot be "
                "there you can send the parcel to a pick-up point with {tracking}.",
                "order_status",
                (Call("track_parcel"),),
            ),
            Turn(
                "ok thanks, pick-up point it is",
                "Good choice. It is kept there for seven days. Enjoy the {item}.",
                "other",
            ),
        ),
        item="Fjell 3-season tent",
        days_ago=6,
    ),
    Conversation(
        "swap_size",
        (
            Turn(
                "Can I swap the size on order {order} before it ships? I need the jacket in L, not M.",
                "Done: your {item} is now size L. It leaves the warehouse today, so delivery stays as planned "
                "for {due}.",
                "order_change",
                lookup(Call("change_order", {"change": "size M to L"})),
            ),
            Turn(
                "Does the L fit under a climbing helmet?",
                "Yes. The hood of the Skarv is adjustable and made to fit under a helmet, in every size.",
                "product",
            ),
        ),
        item="Skarv shell jacket",
        status="packed",
        days_ago=1,
    ),
    Conversation(
        "change_address",
        (
            Turn(
                "I moved last week and forgot to change my address, order {order} goes to the old flat!!",
                "Your order has already left, so we cannot change it any more. {carrier} can redirect it: enter "
                "{tracking} on their site and choose another address today.",
                "order_change",
                lookup(Call("change_order", {"change": "new address"})),
                poor="No problem, I have changed the address for you. It will go to your new flat.",
            ),
            Turn(
                "And if they deliver to the old one anyway?",
                "Then it comes back to us after seven days and we send it again to the new address, free of "
                "charge. Please tell us if the tracking shows 'delivered'.",
                "order_status",
            ),
        ),
        item="Vidda hiking boots",
        carrier="GLS",
        days_ago=2,
    ),
    Conversation(
        "torn_fly",
        (
            Turn(
                "Order {order} arrived with a torn rain fly. We leave on Friday.",
                "I am sorry, that should not happen. I have opened a return for the {item}; the label is in your "
                "inbox. There are 7 in stock, so a replacement can leave today and reach you before Friday if "
                "you order by 13:00.",
                "complaint",
                lookup(
                    Call("open_return", {"reason": "torn on arrival"}),
                    Call("check_stock", {"product": "Trail 2 rain fly"}),
                ),
            ),
            Turn(
                "Can you send the new one before I send the old one back?",
                "Yes. I have handed this to our returns team, who will send the replacement today; two people "
                "are before you.",
                "returns",
                (Call("hand_over", {"to": "returns", "summary": "Torn rain fly, wants replacement before Friday"}),),
            ),
        ),
        item="Trail 2 rain fly",
        days_ago=5,
        handover="The rain fly arrived torn and the customer leaves on Friday. A return is open; a replacement "
        "in advance was promised and has to leave today.",
    ),
    Conversation(
        "missing_part",
        (
            Turn(
                "The pot set from order {order} came without the lid. Is that normal?",
                "No, the {item} comes with a lid. I have asked our returns team to send you one; you need not "
                "send anything back.",
                "complaint",
                lookup(Call("hand_over", {"to": "returns", "summary": "Lid missing from Ember pot set"})),
                poor="The Ember pot set does not include a lid. You can buy a lid in our shop for €9.90.",
            ),
        ),
        item="Ember pot set",
        days_ago=7,
    ),
    Conversation(
        "norway",
        (
            Turn(
                "Do you ship the 40 L pack to Norway, and who pays customs?",
                "Yes, in 4 to 6 working days. Duties and taxes are prepaid at checkout, so the courier asks for "
                "nothing at the door; shipping is free from €60.",
                "shipping",
                (Call("check_stock", {"product": "Lofoten 40 L pack"}),),
            ),
            Turn(
                "Is 40 L small enough for the cabin?",
                "It measures 54 x 32 x 22 cm, which fits the 55 cm rule of most airlines. Please check yours, "
                "since some allow only 20 cm of depth.",
                "product",
            ),
            Turn("perfect, takk!", "You are welcome. God tur!", "other"),
        ),
    ),
    Conversation(
        "nine_days",
        (
            Turn(
                "NINE days and nothing. Order {order}. I want to speak to a human.",
                "I understand, nine days is too long. Your parcel has not moved for five working days, so it "
                "counts as lost and you can have a replacement or your money back. I am passing you to a "
                "colleague; the wait is about 2 minutes.",
                "complaint",
                lookup(
                    Call("track_parcel"),
                    Call("hand_over", {"to": "care", "summary": "Parcel lost, 9 days, wants a person"}),
                ),
                poor="I am sorry to hear that. Delivery times are 1 to 3 working days in Germany. Please be "
                "patient a little longer!",
            ),
        ),
        item="Polaris head torch",
        days_ago=9,
        carrier="Hermes",
        handover="Nine days without delivery; the parcel counts as lost. The customer is upset and wants a "
        "person; offer a replacement or a refund at once.",
    ),
    Conversation(
        "delivery_before_trip",
        (
            Turn(
                "If I order the Brook filter now, will I have it by Thursday in Vienna?",
                "Orders placed before 13:00 leave the same day and Austria takes 1 to 3 working days, so "
                "Thursday is likely but the carrier does not guarantee it. It is in stock.",
                "shipping",
                (Call("check_stock", {"product": "Brook water filter"}),),
                poor="Yes, you will have it by Thursday, guaranteed!",
            ),
            Turn(
                "Does it also take out viruses? We are going to Nepal.",
                "No. The Brook holds back bacteria and protozoa but not viruses; for Nepal add chlorine dioxide "
                "drops or boil the water.",
                "product",
            ),
        ),
    ),
    Conversation(
        "two_parcels",
        (
            Turn(
                "I only got one of two things in {order}, the mat is missing",
                "I can see only the {item} in order {order}, and it was shipped in one parcel. Could the mat be "
                "in another order? If you send me its number I will look.",
                "order_status",
                lookup(),
            ),
            Turn(
                "oh right, that was my husbands order. sorry!",
                "No harm done. If his parcel is late too, just ask.",
                "other",
            ),
        ),
        item="Kestrel 400 sleeping bag",
    ),
)
