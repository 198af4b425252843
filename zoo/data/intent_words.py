"""Word lists of the embedded set: written for this project, free to use.

A place is a stem with a kind ("云溪" + "公园", "maple" + "park"), a city, or both. Stems and cities are disjoint
between splits, kinds are shared. No stem or city of one split is part of one of another split.
"""

STEMS = {
    "zh": {
        "train": """云溪 锦华 青禾 望江 松柏 龙湾 明德 金桥 翠屏 柳荫 星河 长乐 枫林 碧波 丰泽 石榴 春晖 鹤鸣 桂花 平湖
            银杏 白鹭 紫藤 汇景 南岗 北苑 朝阳 永兴 盛世 月亮 梧桐 和顺 福田里 红旗 新港 东篱 百合 莲塘 杏花 凤鸣
            玉泉 海棠 古楼 丁香 清风 滨河 学府 兴隆 天马 万寿 枣园 竹海 梅岭 珠江 晨光 文昌 德胜 宝塔 西桥 光华""",
        "validation": """秀水 雁栖 铜鼓 马兰 前进 花溪 怡园 桃源 建业 沙河 仙女 三元 虹影 大王 芦苇""",
        "test": """榕树 赤峰岭 景泰 双塔 麒麟 凌云 幸福里 荷塘 石牌 茶山 金沙 卧龙 御景 团结 半岛 白云 玫瑰 瑞丰 东湖 老街
            向阳 太平 胜利 嘉禾 橡树 名都 香樟 鼓浪 解放 晓月""",
    },
    "en": {
        "train": """maple harbor willow lincoln cedar liberty sunset granite orchard franklin victoria birch summit
            juniper college prospect fairview marigold canyon heritage chapel monroe falcon meadow bramble
            ashford pioneer riverside magnolia elm crescent union lakeview sterling walnut""",
        "validation": "aspen beacon copper delancey eastgate fletcher glenwood hawthorne ivory jasper",
        "test": """kensington laurel madison northfield oakwood pemberton quarry rosewood sycamore thornton
            underwood vineyard westbrook yarrow zephyr brighton cobblestone dogwood emerald foxglove""",
    },
}

KINDS = {
    "zh": "小区 公园 广场 医院 大厦 路 火车站 东站 机场 博物馆 大学 村 镇 酒店 中学 体育馆 商场 地铁站 大桥 花园 图书馆 超市",
    "en": "street|park|square|hospital|tower|avenue|train station|airport|museum|university|hotel|high school|stadium|"
    "mall|bridge|gardens|library|market|beach|road",
}

CITIES = {
    "zh": {
        "train": "北京 上海 成都 西安 青岛 长沙 昆明 哈尔滨 大连 郑州 宁波 兰州 贵阳 合肥 洛阳 桂林 无锡 烟台 三亚 银川",
        "validation": "杭州 厦门 太原 珠海 扬州 包头",
        "test": "广州 武汉 南京 重庆 苏州 沈阳 拉萨 温州 泉州 绵阳 襄阳 徐州",
    },
    "en": {
        "train": "boston|chicago|dublin|seattle|toronto|madrid|berlin|austin|denver|oslo|glasgow|lisbon|munich|perth|"
        "phoenix|rome",
        "validation": "atlanta|cardiff|lyon|portland|sydney",
        "test": "houston|leeds|milan|nashville|ottawa|prague|tampa|vienna|zurich|bristol",
    },
}

# Slots of the templates other than places: the same lists in every split.
WORDS = {
    "zh": {
        "day": "今天|明天|后天|周末|下周一|星期三|今晚|国庆",
        "time": "早上七点|晚上八点半|下午三点|六点一刻|明早五点|中午十二点|八点|十点二十|凌晨四点|周五九点",
        "minutes": "十分钟|半小时|二十分钟|一个钟头|四十五分钟|五分钟",
        "person": "妈妈|老王|小李|张经理|陈老师|姐姐|赵师傅|爷爷|刘医生|同事小周|房东|阿强|表弟|孙阿姨|林工",
        "song": "夏夜的风|远方的灯|旧车票|雨落屋檐|山那边|一路向南|回家的路|月光码头|再走一步|我在路口等你|蓝色列车|去看海",
        "artist": "摇滚|民谣|轻音乐|老歌|钢琴曲|爵士|京剧|儿歌|粤语歌|电子乐",
        "topic": "体育|科技|财经|娱乐|国际|房价|交通|教育|足球|航天",
        "facility": "加油站|火锅店|停车场|咖啡馆|药店|银行|洗车店|餐厅|充电桩|电影院|面馆|宾馆",
        "vehicle": "火车|高铁|飞机|大巴|动车|轮船",
        "text": "晚点到|今天不去了|我快到了|记得吃饭|路上堵车|会议改到三点|把文件发我|周末一起去爬山|门锁好了|已经出发了",
    },
    "en": {
        "day": "today|tomorrow|this weekend|on monday|tonight|on friday|next week|on sunday",
        "time": "seven am|half past eight|three in the afternoon|six fifteen|noon|ten to five|nine thirty|"
        "five tomorrow",
        "minutes": "ten minutes|half an hour|an hour|twenty minutes|five minutes",
        "person": "mom|john|mister chen|my sister|doctor lee|anna|the landlord|uncle bob|priya|my boss|grandpa|lucas",
        "song": "summer wind|long road home|paper boats|blue train|take me there|city lights|one more mile|"
        "meet me at the corner|rain on the roof|far away",
        "artist": "rock|jazz|folk|piano music|hip hop|country|oldies|techno|opera|reggae",
        "topic": "sports|business|science|technology|traffic|football|election|health|movie|space",
        "facility": "gas station|coffee shop|pharmacy|parking lot|bank|pizza place|restaurant|cinema|bakery|car wash",
        "vehicle": "train|bus|flight|ferry|coach",
        "text": "i am running late|dinner is ready|see you soon|the meeting moved to three|i am on my way|"
        "send me the file|we can go hiking|traffic is bad|lock the door|i have left already",
    },
}

# What people say around a request, whatever it is about.
BEFORE = {
    "zh": "||||请问|你好,|麻烦|那个|嗯,|小助手,|听我说,|现在",
    "en": "||||please |hey |ok |um |hi there |so |listen |now ",
}
AFTER = {
    "zh": "||||吧|谢谢|呢|啊|快一点",
    "en": "||||| thanks| please| right now| if you can",
}
