"""Questions about things: will it keep me warm, does it fit, in English, German, Spanish and French."""

from __future__ import annotations

from .turn import Call, Conversation, Turn

CONVERSATIONS = (
    Conversation(
        "tent_temperature",
        (
            Turn(
                "What temperature is the Fjell 3-season tent good for?",
                "It is comfortable to -4 °C. Below that the outer frosts and condensation drips.",
                poor="The Fjell is a four season tent and is fine down to -20 °C.",
            ),
            Turn("and snow?", "Its snow load was not tested, so we would not rely on it in snowfall."),
        ),
    ),
    Conversation(
        "down_certified",
        (
            Turn(
                "is the down in the Kestrel bag RDS certified?",
                "Yes, both Kestrel bags use RDS-certified duck down. The code on the hem leads to its batch.",
            ),
            Turn(
                "which one for the alps in october, bivvy at 2500m?",
                "Nights there can fall below -5 °C, which is the limit of the Kestrel 400, so take the Kestrel "
                "800 (comfort -9 °C). It is sold out just now and should be back in about two weeks.",
                calls=(Call("check_stock", {"product": "Kestrel 800 sleeping bag"}),),
                poor="The Kestrel 400 will be perfectly fine for that.",
            ),
        ),
    ),
    Conversation(
        "hood_german",
        (
            Turn(
                "hat die skarv jacke eine kapuze?",
                "Ja, die Skarv-Jacke hat eine verstellbare Kapuze, die unter einen Helm passt.",
                poor="Yes, the Skarv jacket has an adjustable hood.",
            ),
            Turn("und wie schwer ist sie?", "415 g in Größe M."),
        ),
        language="de",
    ),
    Conversation(
        "boots_size",
        (
            Turn(
                "I'm a 43 in Adidas. Which size of Vidda?",
                "The Vidda runs half a size small: take 43.5. If it does not fit, an exchange is free.",
            ),
            Turn("can the sole be replaced?", "Yes, for €89."),
            Turn(
                "Is 43.5 in stock?",
                "There are 16 pairs of the Vidda in the warehouse. I cannot see single sizes; the product page can.",
                calls=(Call("check_stock", {"product": "Vidda hiking boots"}),),
            ),
        ),
    ),
    Conversation(
        "stove_plane",
        (
            Turn(
                "Can I take the Ember stove and gas on a plane to Iceland?",
                "The stove yes, if it is clean; cartridges cannot be flown at all. You can buy EN 417 cartridges "
                "in Reykjavik.",
                poor="Yes, one cartridge is allowed in checked luggage.",
            ),
            Turn(
                "How many cartridges for two people, five days?",
                "I have no figure for that in our help pages, so I will ask a colleague who cooks on it. What I "
                "can say: it boils a litre in 4 minutes.",
            ),
        ),
    ),
    Conversation(
        "torch_blinks",
        (
            Turn(
                "My Polaris torch blinks slowly all the time??",
                "A slow blink means that the battery is below 15 %. Charge it by USB-C; on low it then lasts 60 hours.",
            ),
        ),
    ),
    Conversation(
        "filter_frozen",
        (
            Turn(
                "Filter was in my pack at -6 last night. Still ok?",
                "If it was wet, no: a frozen wet filter must be replaced, even when it still runs. A dry one "
                "that was never used is fine.",
            ),
            Turn(
                "It was wet :( is that warranty?",
                "Frost is not a fault in material, so the warranty does not cover it. A new Brook costs €49.00.",
                "warranty",
                (Call("check_stock", {"product": "Brook water filter"}),),
            ),
        ),
    ),
    Conversation(
        "spanish_tent",
        (
            Turn(
                "¿La tienda Trail 2 necesita bastones?",
                "Sí, la Trail 2 se monta con dos bastones de trekking. Pesa 1,7 kg y el suelo aguanta 3000 mm.",
            ),
            Turn(
                "¿Y se puede comprar solo el doble techo?",
                "Sí, se vende por separado por €59.00 y hay 7 en el almacén.",
                calls=(Call("check_stock", {"product": "Trail 2 rain fly"}),),
            ),
        ),
        language="es",
    ),
    Conversation(
        "french_pack",
        (
            Turn(
                "Bonjour, quel sac pour une semaine en refuge, 40 ou 60 litres ?",
                "Pour une semaine en refuge, sans tente ni réchaud, le Lofoten 40 L (1,3 kg) suffit en général. "
                "Le 60 L pèse 1,7 kg.",
            ),
            Turn("Et le 40 passe en cabine ?", "Il mesure 54 x 32 x 22 cm et passe chez la plupart des compagnies."),
        ),
        language="fr",
    ),
    Conversation(
        "compare_tents",
        (
            Turn(
                "Trail 2 or Fjell for a couple with a dog, mostly Scotland?",
                "The Fjell: it is made for 3 persons and has a 4000 mm floor, so the dog fits and wet ground is "
                "no worry. The Trail 2 is 1.2 kg lighter but made for 2.",
            ),
            Turn(
                "what about midges",
                "Our help pages say nothing of the mesh, so I will ask a colleague and write to you.",
                poor="Both tents have ultra-fine no-see-um mesh with 2,000 holes per square inch.",
            ),
            Turn(
                "ok. and seams, do I have to seal them?",
                "Not at first. Seal them again with silicone after some 60 nights.",
                "care",
            ),
        ),
    ),
    Conversation(
        "pfas",
        (
            Turn(
                "Is the Skarv really PFAS free, membrane too?",
                "The finish is PFAS-free. For the membrane our pages give no statement; I will ask the product "
                "team and email you.",
                poor="Yes, every part is 100 % PFAS free.",
            ),
        ),
    ),
)
